// SPDX-License-Identifier: Apache-2.0
// Products of small blocks inside attention: C [m,n] = A [m,k] B [k,n], or += it. Included like simd.h.
//
// Numbers are float, or bfloat16 where somebody else's product is handed in (`BlockProduct`); sums are float. A is
// row-major. B is row-major with rows that are whole panels; in bfloat16 two rows of it stand interleaved, as the
// instructions want it.
#pragma once

#include "cpu/product.h"

namespace westofn::cpu {
namespace {

/// How many numbers a row of B or C takes: whole panels, and a multiple of 32 for bfloat16 tiles.
constexpr std::int64_t block_stride(std::int64_t n) { return round_up(n, 32 > panel ? 32 : panel); }
constexpr std::int64_t even(std::int64_t n) { return round_up(n, 2); }

struct BlockShape {
  std::int64_t m;
  std::int64_t n;
  std::int64_t k;
};

inline void multiply_block(const BlockShape& s, const float* a, std::int64_t a_stride, const float* b,
                           std::int64_t b_stride, float* c, std::int64_t c_stride, bool add, BlockProduct /*other*/) {
  for (std::int64_t column = 0; column < s.n; column += panel) {
    for_tiles(s.m, [&]<int R>(std::int64_t row) {
      Tile<R> sum;
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) sum.left[r] = sum.right[r] = Floats{};
      for (std::int64_t k = 0; k < s.k; ++k) {
        const Floats left = load(b + k * b_stride + column);
        const Floats right = load(b + k * b_stride + column + lanes);
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) {
          const Floats factor = a[(row + r) * a_stride + k] - Floats{};
          sum.left[r] += factor * left;
          sum.right[r] += factor * right;
        }
      }
      store_tile<R>(sum, c + row * c_stride + column, c_stride, add);
    });
  }
}

inline void multiply_block(const BlockShape& s, const Bf16* a, std::int64_t a_stride, const Bf16* b,
                           std::int64_t b_stride, float* c, std::int64_t c_stride, bool add, BlockProduct other) {
  other(s.m, round_up(s.n, 16), even(s.k), a_stride, b_stride, c_stride, add, a, b, c);
}

/// Rows of numbers in memory.
template <class T>
struct Rows {
  const T* first;
  std::int64_t stride;
  std::int64_t count;
  std::int64_t width;
};

/// A row-major [count, out_stride], zeros behind what is there.
template <class E, class T>
inline void copy_rows(const Rows<T>& rows, E* out, std::int64_t out_stride) {
  for (std::int64_t r = 0; r < rows.count; ++r, out += out_stride) {
    const T* row = rows.first + r * rows.stride;
    for_vectors(rows.width, [&](std::int64_t i, std::int64_t n) { store(out + i, load(row + i, n, 0), n); });
    for (std::int64_t i = rows.width; i < out_stride; ++i) narrow(0, out[i]);
  }
}

/// The transpose: [width, out_stride], zeros behind what is there.
template <class E, class T>
inline void copy_columns(const Rows<T>& rows, E* out, std::int64_t out_stride) {
  constexpr std::int64_t block = 16;  // a few rows at a time stay in the first-level cache
  for (std::int64_t first = 0; first < out_stride; first += block) {
    for (std::int64_t c = 0; c < rows.width; ++c) {
      for (std::int64_t r = first; r < first + block; ++r) {
        narrow(r < rows.count ? widen(rows.first[r * rows.stride + c]) : 0, out[c * out_stride + r]);
      }
    }
  }
}

/// B = rows: [count, width].
template <class T>
inline void as_right(const Rows<T>& rows, float* out, std::int64_t out_stride) {
  copy_rows(rows, out, out_stride);
}
inline void as_right(const Rows<Bf16>& rows, Bf16* out, std::int64_t out_stride) {
  for (std::int64_t r = 0; r < rows.count; r += 2, out += 2 * out_stride) {
    const Bf16* upper = rows.first + r * rows.stride;
    const Bf16* lower = upper + rows.stride;
    const bool both = r + 1 < rows.count;
    for (std::int64_t c = 0; c < rows.width; ++c) {
      out[2 * c] = upper[c];
      out[2 * c + 1] = both ? lower[c] : Bf16{0};
    }
    for (std::int64_t c = 2 * rows.width; c < 2 * out_stride; ++c) out[c] = Bf16{0};
  }
}

/// B = the transpose of rows: [width, count]. bfloat16: the width is even.
template <class T>
inline void as_right_transposed(const Rows<T>& rows, float* out, std::int64_t out_stride) {
  copy_columns(rows, out, out_stride);
}
inline void as_right_transposed(const Rows<Bf16>& rows, Bf16* out, std::int64_t out_stride) {
  // Two numbers of a row stay together: a transposition of 32-bit words.
  auto* words = reinterpret_cast<Word*>(out);
  constexpr std::int64_t block = 16;
  for (std::int64_t first = 0; first < out_stride; first += block) {
    for (std::int64_t c = 0; c < rows.width / 2; ++c) {
      for (std::int64_t r = first; r < first + block; ++r) {
        words[c * out_stride + r] =
            r < rows.count ? *reinterpret_cast<const Word*>(rows.first + r * rows.stride + 2 * c) : 0U;
      }
    }
  }
}

}  // namespace
}  // namespace westofn::cpu
