// SPDX-License-Identifier: Apache-2.0
// Log-likelihoods of given tokens, without ever holding the logits of all of them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace westofn::inference {

/// Local. log-softmax of ids[i] under row i, in float64, nats; `logits(first, rows)` makes [rows,V] in float32 or
/// float64. A row that is not finite gives NaN.
[[nodiscard]] std::vector<double> token_log_likelihoods(
    std::int64_t rows, const std::function<at::Tensor(std::int64_t first, std::int64_t rows)>& logits,
    std::span<const std::int64_t> ids);

}  // namespace westofn::inference
