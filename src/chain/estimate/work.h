// SPDX-License-Identifier: Apache-2.0
// Floating-point operations, tokens and messages of each kind of phase. Pure functions.
#pragma once

#include <cstdint>

#include "chain/estimate/data_size.h"
#include "chain/estimate/shape_counts.h"
#include "synthesis/match_settings.h"

namespace westofn::chain {

/// What a phase does, all ranks together.
struct PhaseWork {
  double units = 0;       ///< what it makes: examples, responses, matches, scores
  double operations = 0;  ///< floating-point, of matrix products
  double tokens_read = 0;
  double tokens_written = 0;
  double busy_ranks = 1;       ///< that have work at the same time, on average
  double exchanged_bytes = 0;  ///< that every rank sends and receives
};

/// Comparisons of a pool of n different responses: the tournament ceil(3 n / 2) - 2 and a final; exact n (n - 1) / 2;
/// best-random: what the tournament does not know, one; pointwise: best against worst, one.
[[nodiscard]] std::int64_t count_matches(const synthesis::MatchSettings& matches);

/// Scores that they need: one or two orders of each; pointwise: one of each response.
[[nodiscard]] std::int64_t count_scores(const synthesis::MatchSettings& matches);

/// One input with one decoder token: encoder + keys and values + decoder. Where the engine folds the keys and values
/// into the single query, the second term is saved.
[[nodiscard]] double score_operations(const model::T5Config& config, double source, Logits logits);

/// One prompt with n responses: encoder and keys and values once, the decoder n times.
[[nodiscard]] double pool_operations(const model::T5Config& config, double source, double n, double target);

/// Ranks that are busy on average while equal parts are dealt to all: parts / ceil(parts / ranks).
[[nodiscard]] double busy_ranks(double parts, int ranks);

/// Passes over the validation rows: before the first step, every `validate_every` steps, and after the last.
[[nodiscard]] std::int64_t count_validations(const training::TrainSettings& train);

/// A training phase: what one example, and one validation row, costs forward.
struct TrainingLoad {
  double forward = 0;          ///< operations of an example
  double read = 0;             ///< tokens of an example
  double validation = 0;       ///< operations of a validation row
  double validation_rows = 0;  ///< rows
  double final_passes = 0;     ///< over these rows, with the best weights
  double weights = 0;          ///< of the model
  double weight_bytes = 0;     ///< of one of them
};
/// 3 x forward for every example of every step, 1 x for every validation and final pass. A step sends the integer sums
/// to the owners of the weights (8 P) and the weights back (b P), each (R - 1) / R of it.
[[nodiscard]] PhaseWork training_work(const training::TrainSettings& train, const model::RuntimeSettings& runtime,
                                      int ranks, const TrainingLoad& load);

}  // namespace westofn::chain
