// SPDX-License-Identifier: Apache-2.0
#include "training/baselines.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "metrics/accuracy.h"

namespace westofn::training {
namespace {

double mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// The opposite rule: what one gets right, the other gets wrong.
std::vector<double> opposite(std::span<const double> outcomes) {
  std::vector<double> others(outcomes.size());
  std::ranges::transform(outcomes, others.begin(), [](double outcome) { return 1 - outcome; });
  return others;
}

std::string text_of(const char* format, double value) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

}  // namespace

ValidationPairs describe_validation(std::span<const dataset::LabelledPair> pairs, const PairExamples& used) {
  ValidationPairs result;
  std::vector<std::string> groups;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    if (used.places[i] < 0) continue;
    result.longer.push_back(metrics::outcome(static_cast<double>(metrics::count_words(pairs[i].chosen)),
                                             static_cast<double>(metrics::count_words(pairs[i].rejected))));
    groups.push_back(pairs[i].group);
  }
  result.groups = metrics::number_groups(groups);
  return result;
}

AccuracyReport compare_with_baselines(std::span<const PairScore> scores, const ValidationPairs& pairs) {
  std::vector<double> outcomes;
  for (const PairScore& score : scores) {
    const double outcome = metrics::outcome(score.chosen, score.rejected);
    outcomes.push_back(std::isnan(outcome) ? 0 : outcome);  // as in validation
  }
  const auto compare = [&](std::span<const double> rule) {
    return Baseline{mean(rule), metrics::paired_difference(outcomes, rule, pairs.groups, {})};
  };
  return {metrics::proportion(outcomes, pairs.groups, {}), compare(pairs.longer), compare(opposite(pairs.longer))};
}

std::string baseline_note(const ValidationPairs& pairs) {
  return "  (always the longer response " + text_of("%.4f", mean(pairs.longer)) + ", the shorter " +
         text_of("%.4f", 1 - mean(pairs.longer)) + ")";
}

std::string baseline_warning(const AccuracyReport& report) {
  const bool is_longer = report.longer.accuracy >= report.shorter.accuracy;
  const Baseline& rule = is_longer ? report.longer : report.shorter;
  const std::string name = std::string("always preferring the ") + (is_longer ? "longer" : "shorter") + " response";
  const metrics::Estimate& advantage = rule.advantage;
  if (!(advantage.value > 0)) {
    return "the model is no better than " + name + " (" + text_of("%.1f", 100 * report.model.value) + " % against " +
           text_of("%.1f %%)", 100 * rule.accuracy);
  }
  if (metrics::verdict(advantage) == metrics::Verdict::better) return {};
  const std::string interval = std::isnan(advantage.low) ? std::string()
                                                         : ", 95 % interval " + text_of("%+.1f", 100 * advantage.low) +
                                                               " to " + text_of("%+.1f", 100 * advantage.high);
  return "the model is not clearly better than " + name + " at this sample size (" +
         text_of("%+.1f points", 100 * advantage.value) + interval + ", " + std::to_string(advantage.count) +
         " validation pairs)";
}

}  // namespace westofn::training
