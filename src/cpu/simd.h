// SPDX-License-Identifier: Apache-2.0
// Vectors of WESTOFN_LANES floats and what is written with them. Included once by each file that is compiled for one
// kind of vector unit; everything here and in the files that include it is local to that file. No function of the
// standard library may be called: the linker keeps one copy of an inline function, and it could be one that needs a
// vector unit that the CPU does not have.
#pragma once

#include <cstdint>

#include "cpu/kernels.h"

#ifndef WESTOFN_LANES
#define WESTOFN_LANES 4  // for tools that look at this file alone
#endif
// Vectors are only handed to functions of the same file, so that nobody else need agree on how.
#pragma GCC diagnostic ignored "-Wpsabi"

namespace westofn::cpu {
namespace {

inline constexpr std::int64_t lanes = WESTOFN_LANES;
inline constexpr std::int64_t panel = 2 * lanes;

using Floats [[gnu::vector_size(4 * WESTOFN_LANES), gnu::aligned(4), gnu::may_alias]] = float;
using Word [[gnu::may_alias, gnu::aligned(2)]] = std::uint32_t;
using Words [[gnu::vector_size(4 * WESTOFN_LANES), gnu::may_alias]] = std::uint32_t;
using Integers [[gnu::vector_size(4 * WESTOFN_LANES), gnu::may_alias]] = std::int32_t;
using Doubles [[gnu::vector_size(8 * WESTOFN_LANES), gnu::may_alias]] = double;
using HalfWords [[gnu::vector_size(2 * WESTOFN_LANES), gnu::aligned(2), gnu::may_alias]] = std::uint16_t;

inline Floats load(const float* p) { return *reinterpret_cast<const Floats*>(p); }
inline Floats load(const Bf16* p) {
  return (Floats)(__builtin_convertvector(*reinterpret_cast<const HalfWords*>(p), Words) << 16);
}
inline void store(float* p, Floats v) { *reinterpret_cast<Floats*>(p) = v; }

/// To the nearest, ties to even; a NaN stays one.
inline void store(Bf16* p, Floats v) {
  const auto bits = (Words)v;
  const Words rounded = (bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16;
  const Words kept = v == v ? rounded : (rounded & 0U) + 0x7FC0U;
  *reinterpret_cast<HalfWords*>(p) = __builtin_convertvector(kept, HalfWords);
}

inline float widen(float x) { return x; }
inline float widen(Bf16 x) { return __builtin_bit_cast(float, static_cast<std::uint32_t>(x.bits) << 16); }

inline Bf16 to_bf16(float x) {
  const auto bits = __builtin_bit_cast(std::uint32_t, x);
  const std::uint32_t rounded = (bits + 0x7FFFU + ((bits >> 16U) & 1U)) >> 16U;
  return {static_cast<std::uint16_t>(x == x ? rounded : 0x7FC0U)};
}
inline void narrow(float x, float& out) { out = x; }
inline void narrow(float x, Bf16& out) { out = to_bf16(x); }

/// Array sizes without a change of sign.
template <std::int64_t n>
constexpr auto size = static_cast<std::uint64_t>(n);

constexpr std::int64_t round_up(std::int64_t n, std::int64_t step) { return (n + step - 1) / step * step; }
constexpr std::int64_t least(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

/// The first n numbers of a vector, and `fill` behind them.
template <class T>
inline Floats load_some(const T* p, std::int64_t n, float fill) {
  float numbers[size<lanes>];
  for (std::int64_t i = 0; i < lanes; ++i) numbers[i] = i < n ? widen(p[i]) : fill;
  return load(numbers);
}

template <class T>
inline void store_some(T* p, Floats v, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) narrow(v[i], p[i]);
}

/// Calls use(i, n) for vectors that begin at i and have n numbers: lanes, or fewer for the last one.
template <class F>
inline void for_vectors(std::int64_t count, const F& use) {
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) use(i, lanes);
  if (i < count) use(i, count - i);
}

template <class T>
inline Floats load(const T* p, std::int64_t n, float fill) {
  return n == lanes ? load(p) : load_some(p, n, fill);
}
template <class T>
inline void store(T* p, Floats v, std::int64_t n) {
  if (n == lanes) {
    store(p, v);
  } else {
    store_some(p, v, n);
  }
}

/// exp(x) with a relative error below 2e-7; 0 below -87.3, exp(88) above 88. The polynomial is that of Cephes.
inline Floats exp_of(Floats x) {
  const Floats zero{};
  const Floats lowest = zero - 87.3F;
  const Floats highest = zero + 88.0F;
  const Floats above = x < lowest ? lowest : x;
  const Floats y = above > highest ? highest : above;
  const Floats t = y * 1.44269504088896341F;
  const Integers n = __builtin_convertvector(t + (t < zero ? zero - 0.5F : zero + 0.5F), Integers);
  const Floats whole = __builtin_convertvector(n, Floats);
  const Floats f = (y - whole * 0.693359375F) + whole * 2.12194440e-4F;
  Floats p = f * 1.9875691500E-4F + 1.3981999507E-3F;
  p = p * f + 8.3334519073E-3F;
  p = p * f + 4.1665795894E-2F;
  p = p * f + 1.6666665459E-1F;
  p = p * f + 5.0000001201E-1F;
  p = p * (f * f) + f + 1.0F;
  const auto scale = (Floats)((n + 127) << 23);
  return x < lowest ? zero : p * scale;
}

/// The factors (0 or the scale) of the numbers from `first` on.
inline Floats kept(const Drop& drop, std::uint32_t first, std::uint32_t step = 1) {
  Words x{};
  for (std::int64_t i = 0; i < lanes; ++i) x[i] = first + static_cast<std::uint32_t>(i) * step;
  x = x * 0x9E3779B1U + drop.key;
  x ^= x >> 16;
  x *= 0x7FEB352DU;
  x ^= x >> 15;
  x *= 0x846CA68BU;
  x ^= x >> 16;
  const Floats zero{};
  return x >= drop.threshold ? zero + drop.scale : zero;
}

inline float largest_lane(Floats v) {
  float top = v[0];
  for (std::int64_t i = 1; i < lanes; ++i) top = v[i] > top ? v[i] : top;
  return top;
}

inline float sum_lanes(Floats v) {
  float sum = 0;
  for (std::int64_t i = 0; i < lanes; ++i) sum += v[i];
  return sum;
}

inline double sum_lanes(Doubles v) {
  double sum = 0;
  for (std::int64_t i = 0; i < lanes; ++i) sum += v[i];
  return sum;
}

inline Doubles to_double(Floats v) { return __builtin_convertvector(v, Doubles); }

}  // namespace
}  // namespace westofn::cpu
