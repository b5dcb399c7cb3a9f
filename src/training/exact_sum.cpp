// SPDX-License-Identifier: Apache-2.0
#include "training/exact_sum.h"

#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/round.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "util/error.h"

namespace westofn::training {
namespace {

constexpr int integer_bits = 62;  // of 63: a value that is rounded up still fits

}  // namespace

double largest_magnitude(const at::Tensor& values) {
  if (values.numel() == 0) return 0;
  return at::linalg_vector_norm(values, std::numeric_limits<double>::infinity()).item<double>();
}

int exact_exponent(double largest, std::int64_t parts) {
  WESTOFN_CHECK(std::isfinite(largest) && largest >= 0, "the parts of an exact sum are finite");
  WESTOFN_CHECK(parts >= 1 && parts <= std::int64_t{1} << 30, "number of parts of an exact sum");
  int exponent = 0;
  std::frexp(largest, &exponent);  // largest < 2^exponent
  const auto head_room = static_cast<int>(std::bit_width(static_cast<std::uint64_t>(parts - 1)));
  return integer_bits - head_room - exponent;
}

at::Tensor to_integers(const at::Tensor& values, int exponent) {
  return values.to(at::kDouble).mul_(std::ldexp(1.0, exponent)).round_().to(at::kLong);
}

at::Tensor from_integers(const at::Tensor& sum, int exponent, double divisor) {
  return sum.to(at::kDouble).mul_(std::ldexp(1.0, -exponent) / divisor).to(at::kFloat);
}

}  // namespace westofn::training
