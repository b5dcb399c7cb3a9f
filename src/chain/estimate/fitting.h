// SPDX-License-Identifier: Apache-2.0
// How much fits in the memory of a device at once. Pure functions; 0: not even one.
#pragma once

#include <cstdint>

#include "chain/estimate/memory.h"

namespace westofn::chain {

/// Prompts with n responses each that can be written at once.
[[nodiscard]] std::int64_t most_prompts(const model::T5Config& config, const model::RuntimeSettings& runtime,
                                        std::int64_t n, const BatchShape& longest, double memory_bytes);

/// Inputs of this length that can be scored at once.
[[nodiscard]] std::int64_t most_inputs(const model::T5Config& config, const model::RuntimeSettings& runtime,
                                       double source, double memory_bytes);

/// The largest `runtime.micro_batch` that can be trained with, at most the batch. `example` are the inputs of one
/// example, as rows.
[[nodiscard]] std::int64_t most_examples(const model::T5Config& config, const TrainingCase& what,
                                         const BatchShape& example, double memory_bytes);

}  // namespace westofn::chain
