// SPDX-License-Identifier: Apache-2.0
// How much of what a training computes is padding.
#pragma once

#include <cstdint>
#include <span>

#include "gradient/operations.h"
#include "tokenizer/tokenizer.h"
#include "training/task.h"

namespace westofn::training {

/// Local. The size of rows that are computed together.
[[nodiscard]] TokenCount count_tokens(const gradient::Operations& operations,
                                      std::span<const tokenizer::Tokens* const> rows);

/// Local. The tokens of a batch (numbers of examples), cut into micro-batches as in training.
[[nodiscard]] TokenCount count_batch_tokens(const Task& task, std::span<const std::int64_t> batch,
                                            std::int64_t micro_batch);

/// Local. The tokens of the batches of the first `steps` steps, each cut into micro-batches as in training.
[[nodiscard]] TokenCount count_training_tokens(const Task& task, std::int64_t steps, std::int64_t micro_batch);

/// The share of padding; 0 without tokens.
[[nodiscard]] double padding_share(const TokenCount& count);

}  // namespace westofn::training
