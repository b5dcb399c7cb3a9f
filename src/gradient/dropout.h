// SPDX-License-Identifier: Apache-2.0
// Dropout whose mask is a function of names and places: no state, the same on any device, in any batch, twice.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "cpu/kernels.h"

namespace westofn::gradient {

/// One place of a model where numbers are dropped: which numbers is a function of the key of the sequence (and head),
/// the number's row (its place in the sequence) and its column.
struct Dropout {
  double rate = 0;                  ///< share of numbers that become 0; the others are divided by 1 - rate
  std::vector<std::uint32_t> keys;  ///< one a sequence; empty if the rate is 0

  [[nodiscard]] bool is_off() const { return rate <= 0; }
  /// For head `head` of sequence `sequence`.
  [[nodiscard]] cpu::Drop of(std::int64_t sequence, std::int64_t head = 0) const;
};

/// Rows and columns of a mask, and the distance of its rows in the numbering.
struct MaskShape {
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t stride;
};

/// The factors [drops, rows, columns] that the kernels of the CPU multiply with, as a tensor.
[[nodiscard]] at::Tensor kept_numbers(std::span<const cpu::Drop> drops, const MaskShape& shape,
                                      at::TensorOptions options);

/// Makes the masks of one micro-batch.
class DropoutSource {
 public:
  /// `sequence_keys`: one random number for each sequence of the micro-batch.
  DropoutSource(double rate, std::vector<std::uint32_t> sequence_keys)
      : rate_(rate), sequence_keys_(std::move(sequence_keys)) {}

  /// The place number `place`: the same numbers at every call.
  [[nodiscard]] Dropout at(std::uint32_t place) const;

 private:
  double rate_;
  std::vector<std::uint32_t> sequence_keys_;
};

}  // namespace westofn::gradient
