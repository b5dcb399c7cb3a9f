// SPDX-License-Identifier: Apache-2.0
// Token lists to padded tensors, and fixed plans of batches by length.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tokenizer/tokenizer.h"

namespace westofn::model {

/// Token ids with padding behind them.
struct TokenBatch {
  at::Tensor ids_BS;     ///< int64, 0 where padded
  at::Tensor lengths_B;  ///< int64, real tokens of each row, at least 1
};

/// Local. Pads to the longest row.
[[nodiscard]] TokenBatch make_batch(std::span<const tokenizer::Tokens> rows, at::Device device);

/// How many rows go into one batch: at most `max_rows`, and at most `max_tokens` padded tokens unless it is one row.
struct BatchLimits {
  std::int64_t max_rows = 64;
  std::int64_t max_tokens = 16384;
};

/// Rows (indices into `lengths`) of each batch: shortest first, equal lengths in their order. Depends on nothing else.
[[nodiscard]] std::vector<std::vector<std::size_t>> plan_batches(std::span<const std::int64_t> lengths,
                                                                 const BatchLimits& limits);

}  // namespace westofn::model
