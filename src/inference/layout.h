// SPDX-License-Identifier: Apache-2.0
// Where the tokens of several sequences stand in the rows of an activation [M,D].
#pragma once

#include <cstdint>
#include <vector>

namespace westofn::inference {

/// Sequence b has the rows begins[b] .. begins[b] + lengths[b] - 1.
struct Layout {
  std::vector<std::int64_t> begins;
  std::vector<std::int64_t> lengths;
  std::int64_t rows = 0;   ///< M, with padding
  std::int64_t width = 0;  ///< rows of each sequence where all have the same number (padding behind them), else 0

  [[nodiscard]] std::int64_t sequences() const { return static_cast<std::int64_t>(lengths.size()); }
  [[nodiscard]] std::int64_t longest() const;
};

/// One sequence behind the other, without padding.
[[nodiscard]] Layout ragged(std::vector<std::int64_t> lengths);

/// All as wide as the longest, rounded up to a multiple of `step`.
[[nodiscard]] Layout padded(std::vector<std::int64_t> lengths, std::int64_t step);

}  // namespace westofn::inference
