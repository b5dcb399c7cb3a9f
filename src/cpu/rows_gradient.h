// SPDX-License-Identifier: Apache-2.0
// Backward passes of norms and activations, and what optimizers do to long rows of numbers. Included like simd.h.
#pragma once

#include "cpu/rows.h"

namespace westofn::cpu {
namespace {

template <class T>
void norm_gradient_rows(const NormGradient<T>& p) {
  const float* x = p.x;
  const T* g = p.gradient;
  float* gx = p.x_gradient;
  for (std::int64_t r = 0; r < p.rows; ++r, x += p.width, g += p.width, gx += p.width) {
    Floats squares{};
    Floats products{};
    for_vectors(p.width, [&](std::int64_t i, std::int64_t n) {
      const Floats v = load(x + i, n, 0);
      squares += v * v;
      products += v * load(p.weight + i, n, 0) * load(g + i, n, 0);
    });
    const auto width = static_cast<float>(p.width);
    const float inverse = 1 / __builtin_sqrtf(sum_lanes(squares) / width + static_cast<float>(p.epsilon));
    const float shrink = sum_lanes(products) * inverse * inverse * inverse / width;
    for_vectors(p.width, [&](std::int64_t i, std::int64_t n) {
      const Floats v = load(x + i, n, 0);
      const Floats upstream = load(g + i, n, 0);
      store(gx + i, load(gx + i, n, 0) + upstream * load(p.weight + i, n, 0) * inverse - v * shrink, n);
      store(p.weight_gradient + i, load(p.weight_gradient + i, n, 0) + upstream * v * inverse, n);
    });
  }
}

template <class T>
void gated_gelu_gradient_rows(const GateGradient<T>& p) {
  const T* hidden = p.hidden;
  const T* g = p.gradient;
  T* out = p.out;
  T* gh = p.hidden_gradient;
  for (std::int64_t r = 0; r < p.rows; ++r, hidden += 2 * p.width, g += p.width, out += p.width, gh += 2 * p.width) {
    for_vectors(p.width, [&](std::int64_t i, std::int64_t n) {
      const Floats u = load(hidden + i, n, 0);
      const Floats v = load(hidden + p.width + i, n, 0);
      const Floats upstream = load(g + i, n, 0);
      // gelu(u) = u s with s = sigmoid(2 w), w = sqrt(2 / pi) (u + 0.044715 u^3); s' = s (1 - s) 2 w'.
      const Floats s = 1.0F / (1.0F + exp_of(-1.5957691216057308F * (u + 0.044715F * u * u * u)));
      const Floats slope = s + u * s * (1.0F - s) * (1.5957691216057308F * (1.0F + 0.134145F * u * u));
      store(out + i, u * s * v, n);
      store(gh + i, upstream * v * slope, n);
      store(gh + p.width + i, upstream * u * s, n);
    });
  }
}

/// out = x + y.
template <class T>
void sum_rows(const float* x, const T* y, float* out, std::int64_t count) {
  for_vectors(count, [&](std::int64_t i, std::int64_t n) { store(out + i, load(x + i, n, 0) + load(y + i, n, 0), n); });
}

template <class T>
void convert_rows(const float* x, T* out, std::int64_t count) {
  for_vectors(count, [&](std::int64_t i, std::int64_t n) { store(out + i, load(x + i, n, 0), n); });
}

template <class T>
void drop_rows(T* x, const Drop& drop, std::int64_t rows, std::int64_t width) {
  for (std::int64_t r = 0; r < rows; ++r, x += width) {
    for_vectors(width, [&](std::int64_t i, std::int64_t n) {
      store(x + i, load(x + i, n, 0) * kept(drop, static_cast<std::uint32_t>(r * width + i)), n);
    });
  }
}

inline double sum_squares_of(const float* x, std::int64_t count) {
  Doubles sum{};
  for_vectors(count, [&](std::int64_t i, std::int64_t n) {
    const Doubles v = to_double(load(x + i, n, 0));
    sum += v * v;
  });
  return sum_lanes(sum);
}

inline void adamw_rows(const AdamwUpdate& u) {
  const Floats zero{};
  const Floats gradient_factor = zero + u.gradient_factor;
  for_vectors(u.count, [&](std::int64_t i, std::int64_t n) {
    const Floats g = load(u.gradient + i, n, 0) * gradient_factor;
    Floats m = load(u.m + i, n, 0);
    m += (g - m) * u.one_minus_beta1;
    const Floats v = load(u.v + i, n, 0) * u.beta2 + g * g * u.one_minus_beta2;
    store(u.m + i, m, n);
    store(u.v + i, v, n);
    Floats root{};
    for (std::int64_t lane = 0; lane < lanes; ++lane) root[lane] = __builtin_sqrtf(v[lane]);
    const Floats w = load(u.weights + i, n, 0) * u.keep;
    store(u.weights + i, w - u.rate * m / (root * u.inverse_correction + u.eps), n);
  });
}

}  // namespace
}  // namespace westofn::cpu
