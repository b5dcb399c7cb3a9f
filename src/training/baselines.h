// SPDX-License-Identifier: Apache-2.0
// A model of pairs beside the two rules that cost nothing: prefer the longer response, prefer the shorter one.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dataset/pair_set.h"
#include "metrics/interval.h"
#include "training/examples.h"
#include "training/pair_task.h"

namespace westofn::training {

/// What is known about the validation pairs that are used, in the order of their examples.
struct ValidationPairs {
  std::vector<double> longer;  ///< 1 where the chosen response has more words, 0.5 where both have as many, else 0
  std::vector<std::int64_t> groups;  ///< metrics::number_groups
};

/// `pairs` are those that `used` was made of.
[[nodiscard]] ValidationPairs describe_validation(std::span<const dataset::LabelledPair> pairs,
                                                  const PairExamples& used);

/// One of the two rules on these pairs.
struct Baseline {
  double accuracy = 0;          ///< ties count half
  metrics::Estimate advantage;  ///< accuracy of the model minus this, paired by pair, 95 % interval over groups
};

/// The accuracy of a model, with what it has to be better than.
struct AccuracyReport {
  metrics::Estimate model;  ///< 95 % interval over groups
  Baseline longer;
  Baseline shorter;
};

/// `scores` has every pair, in order.
[[nodiscard]] AccuracyReport compare_with_baselines(std::span<const PairScore> scores, const ValidationPairs& pairs);

/// "  (always the longer response 0.5120, the shorter 0.4880)": the end of the log line of the first accuracy.
[[nodiscard]] std::string baseline_note(const ValidationPairs& pairs);

/// What to warn of: that the model is no better than the better one of the rules, or not clearly so at this sample
/// size. Empty if it is clearly better.
[[nodiscard]] std::string baseline_warning(const AccuracyReport& report);

}  // namespace westofn::training
