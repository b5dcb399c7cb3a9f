// SPDX-License-Identifier: Apache-2.0
// Sums of gradients whose bits do not depend on how the parts are shared out over the ranks.
//
// Floating-point addition rounds at every step, so a sum depends on its order, and the order on the number of ranks.
// Integers do not have this trouble. All parts of a sum are therefore multiplied by one power of two, rounded to 64-bit
// integers, added in whatever order, and divided again. The power of two follows from the largest absolute value of all
// parts on all ranks (one all-reduced maximum, exact in any order): it is as large as it can be while a sum of `parts`
// such values still fits into 62 bits. With M parts the largest value keeps 62 - ceil(log2 M) bits, float32 has 24: the
// result is nearer to the true sum than any order of float32 additions, and the same on 1 rank or on 1,000.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace westofn::training {

/// The largest absolute value of a tensor; NaN or infinity if it holds one. 0 for an empty tensor. Local.
[[nodiscard]] double largest_magnitude(const at::Tensor& values);

/// The exponent e of the factor 2^e for a sum of `parts` tensors (1 to 2^30) without a magnitude above `largest`, which
/// is finite.
[[nodiscard]] int exact_exponent(double largest, std::int64_t parts);

/// A part as int64: round(values * 2^exponent). Local.
[[nodiscard]] at::Tensor to_integers(const at::Tensor& values, int exponent);

/// The sum of such integers divided by 2^exponent and by `divisor`, float32. Local.
[[nodiscard]] at::Tensor from_integers(const at::Tensor& sum, int exponent, double divisor);

}  // namespace westofn::training
