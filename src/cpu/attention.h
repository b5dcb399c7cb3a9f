// SPDX-License-Identifier: Apache-2.0
// Attention of one head, and of one new position of a decoder. Included like simd.h.
#pragma once

#include "cpu/product.h"

namespace westofn::cpu {
namespace {

template <class T>
void pack_keys(const HeadRows<T>& source, float* panels) {
  for (std::int64_t first = 0; first < source.tokens; first += panel) {
    for (std::int64_t c = 0; c < panel; ++c) {
      const bool real = first + c < source.tokens;
      const T* row = source.rows + (first + c) * source.stride;
      for (std::int64_t k = 0; k < source.width; ++k) panels[k * panel + c] = real ? widen(row[k]) : 0.0F;
    }
    panels += source.width * panel;
  }
}

template <class T>
void pack_values(const HeadRows<T>& source, float* panels) {
  for (std::int64_t first = 0; first < source.width; first += panel) {
    const std::int64_t wanted = least(panel, source.width - first);
    for (std::int64_t s = 0; s < source.tokens; ++s) {
      const T* row = source.rows + s * source.stride + first;
      for (std::int64_t c = 0; c < wanted; ++c) panels[c] = widen(row[c]);
      for (std::int64_t c = wanted; c < panel; ++c) panels[c] = 0.0F;
      panels += panel;
    }
  }
}

/// scores [count] (+ bias [count]) to exp(score - largest); returns the inverse of their sum, and the largest.
inline float soften(float* scores, const float* bias, std::int64_t count, float* largest_score = nullptr) {
  const float never = -__builtin_inff();
  Floats top = Floats{} + never;
  for_vectors(count, [&](std::int64_t i, std::int64_t n) {
    Floats v = load(scores + i, n, never);
    if (bias != nullptr) {
      v += load(bias + i, n, 0);
      store(scores + i, v, n);
    }
    top = v > top ? v : top;
  });
  const float largest = largest_lane(top);
  if (largest_score != nullptr) *largest_score = largest;
  Floats sum{};
  for_vectors(count, [&](std::int64_t i, std::int64_t n) {
    const Floats weights = exp_of(load(scores + i, n, never) - largest);
    store(scores + i, weights, n);
    sum += weights;
  });
  return 1 / sum_lanes(sum);
}

/// R queries from number `first` on.
template <int R, class T>
inline void attend_tile(const HeadPanels& source, const HeadQueries<T>& q, std::int64_t first, float* scratch) {
  const std::int64_t stride = round_up(source.tokens, panel) + panel;
  float* queries = scratch;
  float* scores = scratch + R * source.width;
  for (int r = 0; r < R; ++r) {
    const T* query = q.queries + (first + r) * q.query_stride;
    for (std::int64_t k = 0; k < source.width; ++k) queries[k * R + r] = widen(query[k]);
  }
  const std::int64_t seen = q.sight == Sight::all ? source.tokens : least(source.tokens, first + R);
  for (std::int64_t s = 0; s < seen; s += panel) {
    store_tile<R>(multiply_tile<R, Lie::packed>(queries, 0, source.keys + s * source.width, source.width), scores + s,
                  stride, false);
  }
  float inverse[size<R>];
  for (int r = 0; r < R; ++r) {
    const std::int64_t own = q.sight == Sight::all ? seen : least(seen, first + r + 1);
    float* row = scores + r * stride;
    inverse[r] = soften(row, q.bias == nullptr ? nullptr : q.bias - (first + r), own);
    for (std::int64_t s = own; s < seen; ++s) row[s] = 0;
  }
  float mixed[size<R * panel>];
  for (std::int64_t c = 0; c < source.width; c += panel) {
    store_tile<R>(multiply_tile<R, Lie::strided>(scores, stride, source.values + c * source.tokens, seen), mixed, panel,
                  false);
    const std::int64_t wanted = least(panel, source.width - c);
    for (int r = 0; r < R; ++r) {
      T* out = q.out + (first + r) * q.out_stride + c;
      for (std::int64_t k = 0; k < wanted; ++k) narrow(mixed[r * panel + k] * inverse[r], out[k]);
    }
  }
}

template <class T>
void attend(const HeadPanels& source, const HeadQueries<T>& q, float* scratch) {
  for_tiles(q.count, [&]<int R>(std::int64_t first) { attend_tile<R>(source, q, first, scratch); });
}

/// The scores of one query with the keys 0 .. `seen`-1 of a cache [width, capacity], up to a whole panel.
template <class T>
inline void score_step(const float* query, const T* keys, const StepRow<T>& row, std::int64_t seen, float* scores) {
  for (std::int64_t s = 0; s < seen; s += panel) {
    // Even and odd numbers apart: more sums at a time.
    Floats left[2] = {};
    Floats right[2] = {};
    for (std::int64_t k = 0; k < row.width; k += 2) {
      for (std::int64_t odd = 0; odd < 2 && k + odd < row.width; ++odd) {
        const T* column = keys + (k + odd) * row.capacity + s;
        left[odd] += query[k + odd] * load(column);
        right[odd] += query[k + odd] * load(column + lanes);
      }
    }
    store(scores + s, left[0] + left[1]);
    store(scores + s + lanes, right[0] + right[1]);
  }
}

/// out = sum of weights [seen] times the rows of values, from number `first` on; `vectors` of them.
template <int vectors, class T>
inline void mix_step(const float* weights, std::int64_t seen, const T* values, std::int64_t width, float* out) {
  Floats sum[size<vectors>] = {};
  for (std::int64_t s = 0; s < seen; ++s) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) sum[v] += weights[s] * load(values + s * width + v * lanes);
  }
  for (int v = 0; v < vectors; ++v) store(out + v * lanes, sum[v]);
}

template <class T>
inline void mix_values(const float* weights, std::int64_t seen, const T* values, std::int64_t width, float* out) {
  std::int64_t k = 0;
  for (; k + 4 * lanes <= width; k += 4 * lanes) mix_step<4>(weights, seen, values + k, width, out + k);
  for (; k + lanes <= width; k += lanes) mix_step<1>(weights, seen, values + k, width, out + k);
  for (; k < width; ++k) {
    out[k] = 0;
    for (std::int64_t s = 0; s < seen; ++s) out[k] += weights[s] * widen(values[s * width + k]);
  }
}

template <class T>
void attend_step(const StepRow<T>& row) {
  const std::int64_t seen = row.position + 1;
  float* scores = row.scratch;
  float* query = row.scratch + row.capacity;
  for (std::int64_t head = 0; head < row.heads; ++head) {
    const std::int64_t at = head * row.width;
    T* keys = row.keys + at * row.capacity;
    T* values = row.values + at * row.capacity;
    for (std::int64_t k = 0; k < row.width; ++k) {
      keys[k * row.capacity + row.position] = row.key[at + k];
      values[row.position * row.width + k] = row.value[at + k];
      query[k] = widen(row.query[at + k]);
    }
    score_step(query, keys, row, seen, scores);
    const float inverse = soften(scores, row.bias + (head + 1) * row.capacity - seen, seen);
    mix_values(scores, seen, values, row.width, query);
    for (std::int64_t k = 0; k < row.width; ++k) narrow(query[k] * inverse, row.out[at + k]);
  }
}

}  // namespace
}  // namespace westofn::cpu
