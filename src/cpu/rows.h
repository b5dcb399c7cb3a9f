// SPDX-License-Identifier: Apache-2.0
// Norms, activations and the weighing of logits. Included like simd.h.
#pragma once

#include "cpu/simd.h"

namespace westofn::cpu {
namespace {

template <class T>
void norm_rows(const float* x, const float* weight, double epsilon, T* out, std::int64_t rows, std::int64_t width) {
  for (std::int64_t r = 0; r < rows; ++r, x += width, out += width) {
    Floats squares{};
    for_vectors(width, [&](std::int64_t i, std::int64_t n) {
      const Floats v = load(x + i, n, 0);
      squares += v * v;
    });
    const float mean = sum_lanes(squares) / static_cast<float>(width);
    const float inverse = 1 / __builtin_sqrtf(mean + static_cast<float>(epsilon));
    for_vectors(width, [&](std::int64_t i, std::int64_t n) {
      store(out + i, load(x + i, n, 0) * inverse * load(weight + i, n, 0), n);
    });
  }
}

template <class T>
void add_rows(float* x, const T* y, std::int64_t count) {
  for_vectors(count, [&](std::int64_t i, std::int64_t n) { store(x + i, load(x + i, n, 0) + load(y + i, n, 0), n); });
}

/// x * sigmoid(2 u) with u = sqrt(2 / pi) (x + 0.044715 x^3) is x (1 + tanh u) / 2.
inline Floats gelu(Floats x) {
  const Floats twice_u = 1.5957691216057308F * (x + 0.044715F * x * x * x);
  return x / (1.0F + exp_of(-twice_u));
}

template <class T>
void gated_gelu_rows(const T* hidden, T* out, std::int64_t rows, std::int64_t width) {
  for (std::int64_t r = 0; r < rows; ++r, hidden += 2 * width, out += width) {
    for_vectors(width, [&](std::int64_t i, std::int64_t n) {
      store(out + i, gelu(load(hidden + i, n, 0)) * load(hidden + width + i, n, 0), n);
    });
  }
}

/// The largest; NaN if one of them is.
inline float largest_of(const float* values, std::int64_t count) {
  Floats top = load(values, least(lanes, count), -__builtin_inff());
  Integers no_number{};
  for_vectors(count, [&](std::int64_t i, std::int64_t n) {
    const Floats v = load(values + i, n, -__builtin_inff());
    top = v > top ? v : top;
    no_number |= v != v;
  });
  for (std::int64_t i = 0; i < lanes; ++i) {
    if (no_number[i] != 0) return __builtin_nanf("");
  }
  return largest_lane(top);
}

inline double sum_exp_of(const float* logits, std::int64_t count, float top) {
  Doubles sum{};
  for_vectors(count, [&](std::int64_t i, std::int64_t n) {
    sum += to_double(exp_of(load(logits + i, n, -__builtin_inff()) - top));
  });
  return sum_lanes(sum);
}

inline double weigh_logits(const Weighing& w) {
  Doubles all{};
  for (std::int64_t first = 0; first < w.count; first += weighing_block) {
    Doubles block{};
    for_vectors(least(weighing_block, w.count - first), [&](std::int64_t i, std::int64_t n) {
      const Floats logits = load(w.logits + first + i, n, -__builtin_inff());
      const Floats weights = exp_of((logits - w.allowed_top) * w.inverse_temperature);
      block += to_double(weights);
      all += to_double(exp_of(logits - w.top));
      if (w.weights != nullptr) store(w.weights + first + i, weights, n);
    });
    w.block_sums[first / weighing_block] = sum_lanes(block);
  }
  return sum_lanes(all);
}

}  // namespace
}  // namespace westofn::cpu
