// SPDX-License-Identifier: Apache-2.0
#include "gradient/dropout.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/tensor.h>

#include <cmath>

namespace westofn::gradient {
namespace {

/// A mix of two 32-bit numbers (the finaliser that Wellons found, lowbias32).
std::uint32_t mix(std::uint32_t a, std::uint32_t b) {
  std::uint32_t x = a ^ (b * 0x9E3779B9U + 0x7F4A7C15U);
  x ^= x >> 16U;
  x *= 0x7FEB352DU;
  x ^= x >> 15U;
  x *= 0x846CA68BU;
  x ^= x >> 16U;
  return x;
}

}  // namespace

cpu::Drop Dropout::of(std::int64_t sequence, std::int64_t head) const {
  if (is_off()) return {};
  const std::uint32_t key = mix(keys[static_cast<std::size_t>(sequence)], static_cast<std::uint32_t>(head));
  return {key, static_cast<std::uint32_t>(std::ldexp(rate, 32)), static_cast<float>(1 / (1 - rate))};
}

at::Tensor kept_numbers(std::span<const cpu::Drop> drops, const MaskShape& shape, at::TensorOptions options) {
  constexpr std::int64_t mask = 0xFFFFFFFF;
  const auto range = [&](std::int64_t count) {
    return at::arange(count, at::TensorOptions(options.device()).dtype(at::kLong));
  };
  std::vector<std::int64_t> keys;
  for (const auto& drop : drops) keys.push_back(drop.key);
  const at::Tensor keys_K11 = at::tensor(keys, at::kLong).to(options.device()).view({-1, 1, 1});
  const at::Tensor numbers = range(shape.rows).unsqueeze(1) * shape.stride + range(shape.columns).unsqueeze(0);
  at::Tensor x = ((numbers & mask) * 0x9E3779B1 + keys_K11).bitwise_and_(mask);
  const auto fold = [&](std::int64_t bits) { x = x.bitwise_xor(x.bitwise_right_shift(bits)); };
  fold(16);
  x = (x * 0x7FEB352D).bitwise_and_(mask);
  fold(15);
  x = (x * 0x846CA68B).bitwise_and_(mask);
  fold(16);
  const cpu::Drop& first = drops.front();
  return (x >= static_cast<std::int64_t>(first.threshold)).to(options.dtype()).mul_(first.scale);
}

Dropout DropoutSource::at(std::uint32_t place) const {
  Dropout dropout{rate_, {}};
  if (dropout.is_off()) return dropout;
  for (const std::uint32_t key : sequence_keys_) dropout.keys.push_back(mix(key, place));
  return dropout;
}

}  // namespace westofn::gradient
