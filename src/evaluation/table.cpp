// SPDX-License-Identifier: Apache-2.0
#include "evaluation/table.h"

#include <array>
#include <cmath>
#include <cstdio>

#include "util/text.h"

namespace westofn::evaluation {
namespace {

using metrics::Estimate;

constexpr std::size_t name_width = 22;  // 22 + 8 + 4 * 20 columns
constexpr std::size_t count_width = 8;
constexpr std::size_t value_width = 20;

std::string number(double share, const char* format) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), format, 100 * share);
  return text.data();
}

std::string with_interval(const Estimate& estimate, const char* format) {
  if (estimate.count == 0) return "-";
  const std::string value = number(estimate.value, format);
  if (std::isnan(estimate.low)) return value;
  return value + " [" + number(estimate.low, format) + ", " + number(estimate.high, format) + "]";
}

/// Filled with blanks, at least one.
std::string cell(std::string text, std::size_t width) {
  text.append(text.size() < width ? width - text.size() : 1, ' ');
  return text;
}

/// The name of a model or recipe, which may be long.
std::string name_cell(const std::string& name) {
  std::string shown = printable(name, name_width);
  if (shown.size() >= name_width) shown.resize(name_width - 1);
  return cell(shown, name_width);
}

std::string line(const std::string& name, const std::string& count, std::span<const std::string> values) {
  std::string text = name_cell(name) + cell(count, count_width);
  for (const auto& value : values) text += cell(value, value_width);
  text.erase(text.find_last_not_of(' ') + 1);
  return text + "\n";
}

std::string sentence(const std::string& measure, const Estimate& difference) {
  if (difference.count == 0) return "";
  return "  " + cell(measure, 20) + cell(points(difference), 24) + std::string(to_text(metrics::verdict(difference))) +
         "\n";
}

/// McNemar's test below the difference of accuracy.
std::string of_test(const Difference& difference) {
  if (difference.accuracy.count == 0) return "";
  std::array<char, 32> p{};
  std::snprintf(p.data(), p.size(), "%.2g", difference.test.p_value);
  return "  " + cell("", 20) + "better on " + std::to_string(difference.test.only_first) + " pairs, worse on " +
         std::to_string(difference.test.only_second) + " (McNemar's test: p = " + p.data() + ")\n";
}

/// How far scores follow the length of the response.
std::string length_lines(const Assessment& found) {
  std::string text;
  for (std::size_t i = 0; i < found.scorers.size(); ++i) {
    const Estimate& correlation = found.reports[i].length_correlation;
    if (std::isnan(correlation.value)) continue;
    std::array<char, 64> numbers{};
    const bool has_interval = !std::isnan(correlation.low);
    std::snprintf(numbers.data(), numbers.size(), has_interval ? "%+.2f [%+.2f, %+.2f]" : "%+.2f", correlation.value,
                  correlation.low, correlation.high);
    text += name_cell(found.scorers[i].name) + numbers.data() + "\n";
  }
  return text.empty() ? "" : "\nscore and length of the response, rank correlation:\n" + text;
}

std::string heading(const Assessment& found, const TestSet& test, double level) {
  const auto high = found.reports.empty() ? 0 : found.reports.front().high_confidence.count;
  std::string text =
      std::to_string(test.pairs.size()) + " test pairs, " + std::to_string(high) + " of them with high confidence";
  if (test.n > 0) {
    text +=
        ";\n" + std::to_string(test.pools.size()) + " test prompts with " + std::to_string(test.n) + " samples each";
  }
  return text + ". Percent, " + number(level, "%.0f") + " % intervals.\n";
}

}  // namespace

std::string percent(const Estimate& estimate) { return with_interval(estimate, "%.1f"); }

std::string points(const Estimate& difference) { return with_interval(difference, "%+.1f"); }

std::string make_table(const Assessment& found, const TestSet& test, const std::vector<RecipePairs>& recipes,
                       double level) {
  const std::string best = "Best-of-" + std::to_string(test.n);
  std::string text = heading(found, test, level) + "\n";
  text += line("", "pairs", std::array<std::string, 4>{"accuracy", "high confidence", best + " win", best + " win"});
  text += line("", "used", std::array<std::string, 4>{"", "", "over the pool", "over one sample"});
  for (std::size_t i = 0; i < found.scorers.size(); ++i) {
    const Report& report = found.reports[i];
    text += line(found.scorers[i].name, std::to_string(report.accuracy.count),
                 std::array{percent(report.accuracy), percent(report.high_confidence), percent(report.win_over_pool),
                            percent(report.win_over_sft)});
  }
  for (const auto& difference : found.differences) {
    text += "\n" + printable(found.scorers[difference.model].name, 40) + " minus " +
            printable(found.scorers[found.reference].name, 40) + ", in points:\n" +
            sentence("accuracy", difference.accuracy) + of_test(difference) +
            sentence(best + " win", difference.win_over_pool);
  }
  text += length_lines(found);
  if (!recipes.empty()) {
    text += "\n" + line("recipe", "prompts", std::array<std::string, 2>{"pairs kept", "labels right by gold"});
  }
  for (std::size_t i = 0; i < recipes.size(); ++i) {
    const RecipeReport& recipe = found.recipes[i];
    text += line(recipes[i].name, std::to_string(recipe.prompts),
                 std::array{std::to_string(recipe.kept), percent(recipe.label_accuracy)});
  }
  return text;
}

}  // namespace westofn::evaluation
