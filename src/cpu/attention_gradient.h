// SPDX-License-Identifier: Apache-2.0
// Attention of one head for training: forward with the logarithm of each row's sum kept, and backward, which computes
// the weights again from it (Dao 2023, FlashAttention-2). Included like simd.h.
//
// E is the type of the products' factors, T that of the rows in memory.
#pragma once

#include "cpu/attention.h"
#include "cpu/block.h"

namespace westofn::cpu {
namespace {

inline constexpr std::int64_t query_block = 64;
inline constexpr std::int64_t key_block = 32;

/// Working memory that is handed out piece by piece.
class Workspace {
 public:
  explicit Workspace(float* memory) : next_(memory) {}
  template <class E>
  E* take(std::int64_t numbers) {
    E* piece = reinterpret_cast<E*>(next_);
    next_ += round_up(numbers * static_cast<std::int64_t>(sizeof(E)), 64) / 4;
    return piece;
  }

 private:
  float* next_;
};

/// Rows as the left factor of a product: where they are, or copied where the type differs.
template <class E, class T>
inline const E* as_left(const Rows<T>& rows, E* memory, std::int64_t* stride) {
  if constexpr (sizeof(E) == sizeof(T)) {
    *stride = rows.stride;
    return rows.first;
  } else {
    *stride = rows.width;
    copy_rows(rows, memory, rows.width);
    return memory;
  }
}

template <class T>
inline Rows<T> query_rows(const HeadPass<T>& p, const T* first, std::int64_t stride) {
  return {first, stride, p.query_count, p.width};
}
template <class T>
inline Rows<T> key_rows(const HeadPass<T>& p, const T* first) {
  return {first, p.key_stride, p.key_count, p.width};
}

template <class E, class T>
void attend_keeping(const HeadPass<T>& p, const HeadResult<T>& result, float* memory) {
  const std::int64_t key_stride = block_stride(p.key_count);
  const std::int64_t width_stride = block_stride(p.width);
  Workspace space(memory);
  E* keys = space.take<E>(even(p.width) * key_stride);
  E* values = space.take<E>(even(p.key_count) * width_stride);
  auto* scores = space.take<float>(query_block * key_stride);
  E* weights = space.take<E>(query_block * key_stride);
  auto* mixed = space.take<float>(query_block * width_stride);
  E* copied = space.take<E>(query_block * p.width);
  as_right_transposed(key_rows(p, p.keys), keys, key_stride);
  as_right(key_rows(p, p.values), values, width_stride);
  for (std::int64_t first = 0; first < p.query_count; first += query_block) {
    const std::int64_t count = least(query_block, p.query_count - first);
    const std::int64_t seen = p.sight == Sight::all ? p.key_count : least(p.key_count, first + count);
    std::int64_t stride = 0;
    const E* queries =
        as_left(Rows<T>{p.queries + first * p.query_stride, p.query_stride, count, p.width}, copied, &stride);
    multiply_block({count, seen, p.width}, queries, stride, keys, key_stride, scores, key_stride, false, p.product);
    float inverse[size<query_block>];
    for (std::int64_t r = 0; r < count; ++r) {
      const std::int64_t i = first + r;
      const std::int64_t own = p.sight == Sight::all ? seen : least(seen, i + 1);
      float* row = scores + r * key_stride;
      float largest = 0;
      inverse[r] = soften(row, p.bias == nullptr ? nullptr : p.bias - i, own, &largest);
      result.log_sums[i] = largest - __builtin_logf(inverse[r]);
      E* out = weights + r * key_stride;
      const auto first_number = static_cast<std::uint32_t>(i * p.key_count);
      for_vectors(own, [&](std::int64_t j, std::int64_t n) {
        const Floats weight = load(row + j, n, 0);
        const bool dropped = p.drop.scale > 0;
        store(out + j, dropped ? weight * kept(p.drop, first_number + static_cast<std::uint32_t>(j)) : weight, n);
      });
      for (std::int64_t j = own; j < even(seen); ++j) narrow(0, out[j]);
    }
    multiply_block({count, p.width, seen}, weights, key_stride, values, width_stride, mixed, width_stride, false,
                   p.product);
    for (std::int64_t r = 0; r < count; ++r) {
      T* out = result.out + (first + r) * result.stride;
      for_vectors(p.width, [&](std::int64_t c, std::int64_t n) {
        store(out + c, load(mixed + r * width_stride + c, n, 0) * inverse[r], n);
      });
    }
  }
}

/// What the backward pass of one head works with, for all its blocks of keys.
template <class E>
struct BackwardSpace {
  std::int64_t query_stride;
  std::int64_t width_stride;
  std::int64_t key_stride;
  E* queries_right;     ///< B = Q
  E* queries_turned;    ///< B = Q^T
  E* gradients_right;   ///< B = dO
  E* gradients_turned;  ///< B = dO^T
  E* keys_turned;       ///< A = K^T [width, key_stride]
  float* scores;        ///< [key_block, query_stride]: S^T, then dP^T beside it
  float* upstream;
  E* weights;         ///< A = P^T [key_block, query_stride]
  E* slopes;          ///< A = dS^T
  E* slopes_right;    ///< B = dS^T, where it differs from A
  float* query_sums;  ///< dQ^T [width, query_stride]
  float* key_sums;    ///< [key_block, width_stride]
  float* delta;       ///< [query_stride]
  float* bias;        ///< by i - j + keys - 1: the bias of key j for query i
  E* copied;
};

template <class E>
inline BackwardSpace<E> carve(std::int64_t queries, std::int64_t keys, std::int64_t width, float* memory) {
  Workspace space(memory);
  BackwardSpace<E> s{};
  s.query_stride = block_stride(queries);
  s.width_stride = block_stride(width);
  s.key_stride = block_stride(keys);
  const std::int64_t right = even(queries) * s.width_stride;
  const std::int64_t turned = even(width) * s.query_stride;
  const std::int64_t block = key_block * s.query_stride;
  s.queries_right = space.take<E>(right);
  s.queries_turned = space.take<E>(turned);
  s.gradients_right = space.take<E>(right);
  s.gradients_turned = space.take<E>(turned);
  s.keys_turned = space.take<E>(width * s.key_stride);
  s.scores = space.take<float>(block);
  s.upstream = space.take<float>(block);
  s.weights = space.take<E>(block);
  s.slopes = space.take<E>(block);
  s.slopes_right = space.take<E>(block);
  s.query_sums = space.take<float>(width * s.query_stride);
  s.key_sums = space.take<float>(key_block * s.width_stride);
  s.delta = space.take<float>(s.query_stride);
  s.bias = space.take<float>(queries + keys + lanes);
  s.copied = space.take<E>(key_block * width);
  return s;
}

/// The weights and slopes of key `j` for all queries, from its scores and upstream gradients.
template <class E, class T>
inline void weigh_key(const HeadPass<T>& p, const HeadGradient<T>& g, const BackwardSpace<E>& s, std::int64_t j,
                      std::int64_t row) {
  const std::int64_t first = p.sight == Sight::all ? 0 : least(j, p.query_count);
  const float* scores = s.scores + row * s.query_stride;
  const float* upstream = s.upstream + row * s.query_stride;
  E* weights = s.weights + row * s.query_stride;
  E* slopes = s.slopes + row * s.query_stride;
  const float* bias = p.bias == nullptr ? nullptr : s.bias + p.key_count - 1 - j;
  float* bias_sums = g.bias == nullptr ? nullptr : g.bias + p.key_count - 1 - j;
  const auto step = static_cast<std::uint32_t>(p.key_count);
  for (std::int64_t i = 0; i < first; ++i) {
    narrow(0, weights[i]);
    narrow(0, slopes[i]);
  }
  for_vectors(p.query_count - first, [&](std::int64_t at, std::int64_t n) {
    const std::int64_t i = first + at;
    Floats score = load(scores + i, n, 0);
    if (bias != nullptr) score += load(bias + i, n, 0);
    const Floats weight = exp_of(score - load(g.log_sums + i, n, 0));
    Floats above = load(upstream + i, n, 0);
    if (p.drop.scale > 0) {
      const Floats factor = kept(p.drop, static_cast<std::uint32_t>(i * p.key_count + j), step);
      above *= factor;
      store(weights + i, weight * factor, n);
    } else {
      store(weights + i, weight, n);
    }
    const Floats slope = weight * (above - load(s.delta + i, n, 0));
    store(slopes + i, slope, n);
    if (bias_sums != nullptr) store(bias_sums + i, load(bias_sums + i, n, 0) + slope, n);
  });
  for (std::int64_t i = p.query_count; i < s.query_stride; ++i) {
    narrow(0, weights[i]);
    narrow(0, slopes[i]);
  }
}

inline const float* slopes_as_right(const BackwardSpace<float>& s, std::int64_t /*rows*/) { return s.slopes; }
inline const Bf16* slopes_as_right(const BackwardSpace<Bf16>& s, std::int64_t rows) {
  as_right(Rows<Bf16>{s.slopes, s.query_stride, rows, s.query_stride}, s.slopes_right, s.query_stride);
  return s.slopes_right;
}

/// Writes `rows` sums to the gradients of keys or values from number `first` on.
template <class T>
inline void write_sums(const float* sums, std::int64_t sums_stride, std::int64_t rows, std::int64_t width, T* out,
                       std::int64_t stride) {
  for (std::int64_t r = 0; r < rows; ++r) {
    for_vectors(width, [&](std::int64_t c, std::int64_t n) {
      store(out + r * stride + c, load(sums + r * sums_stride + c, n, 0), n);
    });
  }
}

template <class E, class T>
void attend_backward(const HeadPass<T>& p, const HeadGradient<T>& g, float* memory) {
  const BackwardSpace<E> s = carve<E>(p.query_count, p.key_count, p.width, memory);
  const Rows<T> queries = query_rows(p, p.queries, p.query_stride);
  const Rows<T> gradients = query_rows(p, g.out_gradient, g.out_stride);
  as_right(queries, s.queries_right, s.width_stride);
  as_right_transposed(queries, s.queries_turned, s.query_stride);
  as_right(gradients, s.gradients_right, s.width_stride);
  as_right_transposed(gradients, s.gradients_turned, s.query_stride);
  copy_columns(key_rows(p, p.keys), s.keys_turned, s.key_stride);
  for (std::int64_t i = 0; i < p.query_count; ++i) {
    Floats sum{};
    for_vectors(p.width, [&](std::int64_t c, std::int64_t n) {
      sum += load(g.out_gradient + i * g.out_stride + c, n, 0) * load(g.out + i * g.out_stride + c, n, 0);
    });
    s.delta[i] = sum_lanes(sum);
  }
  if (p.bias != nullptr) {
    for (std::int64_t at = 0; at < p.query_count + p.key_count - 1; ++at) s.bias[at] = p.bias[p.key_count - 1 - at];
  }
  for (std::int64_t first = 0; first < p.key_count; first += key_block) {
    const std::int64_t rows = least(key_block, p.key_count - first);
    std::int64_t stride = 0;
    const E* keys = as_left(Rows<T>{p.keys + first * p.key_stride, p.key_stride, rows, p.width}, s.copied, &stride);
    multiply_block({rows, p.query_count, p.width}, keys, stride, s.queries_turned, s.query_stride, s.scores,
                   s.query_stride, false, p.product);
    const E* values = as_left(Rows<T>{p.values + first * p.key_stride, p.key_stride, rows, p.width}, s.copied, &stride);
    multiply_block({rows, p.query_count, p.width}, values, stride, s.gradients_turned, s.query_stride, s.upstream,
                   s.query_stride, false, p.product);
    for (std::int64_t r = 0; r < rows; ++r) weigh_key(p, g, s, first + r, r);
    multiply_block({rows, p.width, p.query_count}, s.weights, s.query_stride, s.gradients_right, s.width_stride,
                   s.key_sums, s.width_stride, false, p.product);
    write_sums(s.key_sums, s.width_stride, rows, p.width, g.values + first * g.key_stride, g.key_stride);
    multiply_block({rows, p.width, p.query_count}, s.slopes, s.query_stride, s.queries_right, s.width_stride,
                   s.key_sums, s.width_stride, false, p.product);
    write_sums(s.key_sums, s.width_stride, rows, p.width, g.keys + first * g.key_stride, g.key_stride);
    multiply_block({p.width, p.query_count, rows}, s.keys_turned + first, s.key_stride, slopes_as_right(s, rows),
                   s.query_stride, s.query_sums, s.query_stride, first > 0, p.product);
  }
  for (std::int64_t i = 0; i < p.query_count; ++i) {
    T* out = g.queries + i * g.query_stride;
    for (std::int64_t c = 0; c < p.width; ++c) narrow(s.query_sums[c * s.query_stride + i], out[c]);
  }
}

/// Products of bfloat16 need somebody who computes them, and numbers in pairs; otherwise everything is float.
template <class T>
void attend_for_training(const HeadPass<T>& p, const HeadResult<T>& result, float* memory) {
  if constexpr (sizeof(T) == 2) {
    if (p.product != nullptr && p.width % 2 == 0) return attend_keeping<Bf16>(p, result, memory);
  }
  attend_keeping<float>(p, result, memory);
}

template <class T>
void attend_gradient(const HeadPass<T>& p, const HeadGradient<T>& g, float* memory) {
  if constexpr (sizeof(T) == 2) {
    if (p.product != nullptr && p.width % 2 == 0) return attend_backward<Bf16>(p, g, memory);
  }
  attend_backward<float>(p, g, memory);
}

}  // namespace
}  // namespace westofn::cpu
