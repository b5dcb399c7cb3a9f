// SPDX-License-Identifier: Apache-2.0
#include "evaluation/table.h"

#include <algorithm>
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
constexpr std::size_t line_width = 108;

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

/// The name of a model or recipe; a long one has a line of its own.
std::string name_cell(const std::string& name) {
  const std::string shown = printable(name, line_width);
  return shown.size() < name_width ? cell(shown, name_width) : shown + "\n" + std::string(name_width, ' ');
}

std::string line(const std::string& name, const std::string& count, std::span<const std::string> values) {
  std::string text = name_cell(name) + cell(count, count_width);
  for (const auto& value : values) text += cell(value, value_width);
  text.erase(text.find_last_not_of(' ') + 1);
  return text + "\n";
}

std::string difference_line(const std::string& measure, const Estimate& difference) {
  if (difference.count == 0) return "";
  return "  " + cell(measure, 20) + cell(points(difference), 24) + std::string(to_text(metrics::verdict(difference))) +
         "\n";
}

/// Words on lines of at most line_width; what follows the first is indented.
std::string wrapped(const std::string& text) {
  std::string result, current;
  for (const auto& word : split_text(text, ' ')) {
    if (!current.empty() && current.size() + 1 + word.size() > line_width) {
      result += current + "\n";
      current = " ";
    }
    current += (current.empty() ? "" : " ") + word;
  }
  return result + current + "\n";
}

/// What a difference says, for those who read no intervals.
std::string sentence(const std::string& model, const std::string& reference, const std::string& measure,
                     const Estimate& difference) {
  if (difference.count == 0) return "";
  const metrics::Verdict verdict = metrics::verdict(difference);
  const std::string by = number(std::abs(difference.value), "%.1f") + " points";
  if (verdict != metrics::Verdict::no_difference_seen) {
    return wrapped(model + " is " + std::string(to_text(verdict)) + " than " + reference + " in " + measure + ", by " +
                   by + ".");
  }
  std::string text =
      "No difference between " + model + " and " + reference + " in " + measure + " is seen at this sample size";
  if (difference.high > difference.low) {
    text += " (one of about " + number((difference.high - difference.low) / 2, "%.1f") + " points would be)";
  }
  return wrapped(text + ".");
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

namespace {

/// A column of the table of models.
struct Column {
  std::string title, below;
  Estimate Report::*field;
};

/// Those that have something to show; accuracy always has its place.
std::vector<Column> columns_of(const Assessment& found, const std::string& best) {
  const std::vector<Column> all = {{"accuracy", "", &Report::accuracy},
                                   {"high confidence", "", &Report::high_confidence},
                                   {best + " win", "over the pool", &Report::win_over_pool},
                                   {best + " win", "over one sample", &Report::win_over_sft},
                                   {best + " win", "by the judge", &Report::win_by_judge}};
  std::vector<Column> shown;
  for (const auto& column : all) {
    const bool has_values =
        std::ranges::any_of(found.reports, [&](const Report& report) { return (report.*column.field).count > 0; });
    if (has_values || column.field == &Report::accuracy) shown.push_back(column);
  }
  return shown;
}

std::string model_lines(const Assessment& found, const std::string& best) {
  const std::vector<Column> columns = columns_of(found, best);
  std::vector<std::string> titles, below;
  for (const auto& column : columns) {
    titles.push_back(column.title);
    below.push_back(column.below);
  }
  std::string text = line("", "pairs", titles) + line("", "used", below);
  for (std::size_t i = 0; i < found.scorers.size(); ++i) {
    std::vector<std::string> values;
    for (const auto& column : columns) values.push_back(percent(found.reports[i].*column.field));
    text += line(found.scorers[i].name, std::to_string(found.reports[i].accuracy.count), values);
  }
  return text;
}

/// Each reward model against the reference: numbers, then in words.
std::string difference_lines(const Assessment& found, const std::string& best) {
  const std::string reference = printable(found.scorers[found.reference].name, 40);
  std::string text, words;
  for (const auto& difference : found.differences) {
    const std::string model = printable(found.scorers[difference.model].name, 40);
    text += "\n" + model + " minus " + reference + ", in points:\n" + difference_line("accuracy", difference.accuracy) +
            of_test(difference) + difference_line(best + " win", difference.win_over_pool) +
            difference_line(best + " by judge", difference.win_by_judge);
    words += sentence(model, reference, "accuracy", difference.accuracy) +
             sentence(model, reference, best + " win", difference.win_over_pool) +
             sentence(model, reference, best + " win by the judge", difference.win_by_judge);
  }
  return words.empty() ? text : text + "\n" + words;
}

}  // namespace

std::string make_table(const Assessment& found, const TestSet& test, const std::vector<RecipePairs>& recipes,
                       double level) {
  const std::string best = "Best-of-" + std::to_string(test.n);
  std::string text = heading(found, test, level) + "\n" + model_lines(found, best) + difference_lines(found, best) +
                     length_lines(found);
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
