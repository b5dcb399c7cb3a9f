// SPDX-License-Identifier: Apache-2.0
// From scores to all metrics of an evaluation. Runs on one rank: everything is summed in the order of the test set.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "evaluation/evaluate.h"
#include "evaluation/model_scores.h"
#include "evaluation/test_set.h"
#include "metrics/accuracy.h"
#include "metrics/association.h"
#include "metrics/interval.h"

namespace westofn::evaluation {

enum class ScorerKind : std::uint8_t { reward_model = 0, preference_model = 1, baseline = 2, judge = 3 };

/// Whether the scores of test pairs are probabilities; such a model has no scores of single responses.
[[nodiscard]] constexpr bool is_pairwise(ScorerKind kind) {
  return kind == ScorerKind::preference_model || kind == ScorerKind::judge;
}

/// Something that scores responses: a model, or a free baseline ("longer", "shorter", "random", "gold").
struct Scorer {
  std::string name;
  ScorerKind kind = ScorerKind::reward_model;
  ModelScores scores;
};

/// What Best-of-n with one scorer gives. The curves have a mean over the pools for n = 1..N; empty without samples.
struct BestOfN {
  std::vector<double> score_n, gold_n, win_n;  ///< model's score, gold, share of the rest of the pool that is beaten
  std::vector<std::int64_t> best;              ///< per pool the sample that Best-of-N takes; -1: not scored
  std::vector<double> win_over_pool;           ///< per pool, of that sample, by gold; NaN without gold
  std::vector<double> win_over_sft;            ///< likewise against sample number N alone
  std::vector<double> judged;                  ///< per pool P(it is better than sample N) by the judge; NaN without
};

/// All about one scorer.
struct Report {
  std::vector<double> outcomes;  ///< per test pair: 1, 0.5 or 0; NaN: too long
  metrics::Estimate accuracy, high_confidence, win_over_pool, win_over_sft, win_by_judge;
  std::optional<metrics::Calibration> calibration;  ///< of models
  std::array<metrics::Estimate, metrics::length_classes.size()> by_length;
  metrics::Estimate length_correlation;  ///< of reward models: score and words of a response, by ranks
  BestOfN best_of_n;
};

/// A reward model minus the reference, on the same pairs and prompts.
struct Difference {
  std::size_t model = 0;  ///< index of the scorer
  metrics::Estimate accuracy, win_over_pool, win_by_judge;
  metrics::McNemar test;  ///< of the accuracy; first: the model, second: the reference
};

/// How a recipe's labels agree with gold.
struct RecipeReport {
  std::int64_t prompts = 0;
  std::int64_t kept = 0;
  metrics::Estimate label_accuracy;     ///< of kept pairs; nothing without gold
  std::vector<double> gold_difference;  ///< per pair, chosen minus rejected; NaN without a pair or gold
};

struct Assessment {
  std::vector<Scorer> scorers;  ///< reward models, preference model, baselines
  std::vector<Report> reports;  ///< one a scorer
  std::size_t reference = 0;    ///< index of the scorer that the others are compared with
  std::vector<Difference> differences;
  std::vector<std::int64_t> length_differences;  ///< per test pair: words of chosen minus words of rejected
  std::vector<double> gold;                      ///< [pools * (n + 1)]; empty without gold
  std::vector<RecipeReport> recipes;
};

/// Local. The models, then the scorers that cost nothing: "longer", "shorter", "random", and "gold" where there is one.
/// Throws DataError if gold is asked for and a prompt is none of the toy world.
[[nodiscard]] std::vector<Scorer> with_baselines(std::vector<Scorer> models, const TestSet& test, GoldChoice gold,
                                                 std::uint64_t seed);

/// What models have said, and how to judge it.
struct AssessmentInputs {
  const TestSet& test;
  std::vector<Scorer> scorers;  ///< as with_baselines has them
  std::vector<double> judged;   ///< [pools * (n + 1)] P(sample > sample n) by the judge; NaN: not asked; or empty
  const std::vector<RecipePairs>& recipes;
  GoldChoice gold = GoldChoice::none;
  std::string reference;  ///< name of a reward model; empty: the first
  metrics::IntervalOptions intervals;
};

/// Local.
[[nodiscard]] Assessment assess(AssessmentInputs inputs);

}  // namespace westofn::evaluation
