// SPDX-License-Identifier: Apache-2.0
// What an experiment needs, before anything is submitted: weights, memory of a rank, tokens and floating-point work.
#pragma once

#include <cstdint>
#include <string>

#include "chain/experiment.h"
#include "model/t5_config.h"

namespace westofn::chain {

/// Weights of a T5.
[[nodiscard]] std::int64_t count_parameters(const model::T5Config& config);

/// Bytes that training holds on one rank, without activations.
struct TrainingMemory {
  std::int64_t weights = 0;    ///< in the type of `runtime.dtype`, on every rank
  std::int64_t gradients = 0;  ///< of the micro-batches of this rank, and their sum
  std::int64_t masters = 0;    ///< float32, with the best so far; shared out over the ranks
  std::int64_t optimizer = 0;  ///< shared out over the ranks
};
[[nodiscard]] TrainingMemory training_memory(const model::T5Config& config, const training::TrainSettings& train,
                                             const model::RuntimeSettings& runtime, int ranks);

/// Local. A report for people. Inputs count as long as the settings let them be, so the work is an upper bound. Throws
/// ConfigError without a section `policy`, DataError if the given model cannot be read.
[[nodiscard]] std::string estimate(const Experiment& experiment, int ranks);

}  // namespace westofn::chain
