// SPDX-License-Identifier: Apache-2.0
// Products of rows with a matrix in panels. Included like simd.h.
//
// A tile of R rows and one panel is summed in registers. A product packs some rows so that they stay in the
// second-level cache, and takes every panel in slices that stay in the first-level cache while all these rows pass by
// (the usual blocking of matrix products: Goto and van de Geijn 2008).
#pragma once

#include "cpu/simd.h"

namespace westofn::cpu {
namespace {

inline constexpr int most_rows = lanes == 16 ? 12 : lanes == 8 ? 6 : 4;
inline constexpr std::int64_t depth_slice = 64;  // short sums, added up: half the rounding of long ones
inline constexpr std::int64_t packed_rows = 96;
inline constexpr std::int64_t packed_depth = 1024;
static_assert(packed_rows * packed_depth == product_scratch && packed_rows % most_rows == 0);

/// How the numbers of R rows lie: number k of row r at [k * R + r], or at [r * stride + k].
enum class Lie { packed, strided };

template <int R>
struct Tile {
  Floats left[size<R>];
  Floats right[size<R>];
};

/// What is fetched ahead while a tile is computed: nothing, or the columns of the next slice, which stand behind.
enum class Ahead { nothing, next_slice };

template <int R, Lie lie, Ahead ahead = Ahead::nothing, class W>
inline Tile<R> multiply_tile(const float* __restrict x, std::int64_t stride, const W* __restrict columns,
                             std::int64_t depth) {
  Tile<R> sum;
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) sum.left[r] = sum.right[r] = Floats{};
  for (std::int64_t k = 0; k < depth; ++k) {
    const Floats left = load(columns + k * panel);
    const Floats right = load(columns + k * panel + lanes);
    if constexpr (ahead == Ahead::next_slice) {
      const W* next = columns + (k + depth_slice) * panel;
      __builtin_prefetch(next);
      if (sizeof(W) == 4) __builtin_prefetch(next + lanes);
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const Floats factor = (lie == Lie::packed ? x[k * R + r] : x[r * stride + k]) - Floats{};
      sum.left[r] += factor * left;
      sum.right[r] += factor * right;
    }
  }
  return sum;
}

/// y [R, panel] = sum, or += sum.
template <int R>
inline void store_tile(const Tile<R>& sum, float* y, std::int64_t stride, bool add) {
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    float* out = y + r * stride;
    store(out, add ? load(out) + sum.left[r] : sum.left[r]);
    store(out + lanes, add ? load(out + lanes) + sum.right[r] : sum.right[r]);
  }
}

/// The same for the first `columns` of a panel that is not full.
template <int R>
inline void store_tile_part(const Tile<R>& sum, float* y, std::int64_t stride, bool add, std::int64_t columns) {
  float whole[size<R * panel>];
  store_tile<R>(sum, whole, panel, false);
  for (int r = 0; r < R; ++r) {
    for (std::int64_t c = 0; c < columns; ++c) {
      y[r * stride + c] = add ? y[r * stride + c] + whole[r * panel + c] : whole[r * panel + c];
    }
  }
}

/// Calls use(R, first) for tiles of R rows that together are `rows`.
template <class F>
inline void for_tiles(std::int64_t rows, const F& use) {
  std::int64_t row = 0;
  for (; row + most_rows <= rows; row += most_rows) use.template operator()<most_rows>(row);
  if constexpr (most_rows > 8) {
    for (; row + 8 <= rows; row += 8) use.template operator()<8>(row);
  }
  for (; row + 4 <= rows; row += 4) use.template operator()<4>(row);
  for (; row + 2 <= rows; row += 2) use.template operator()<2>(row);
  if (row < rows) use.template operator()<1>(row);
}

/// What is packed at once: `rows` rows from `first_row` on, `depth` numbers of them from `first` on.
struct Block {
  std::int64_t first_row;
  std::int64_t rows;
  std::int64_t first;
  std::int64_t depth;
};

/// Slices one after the other, in each the tiles one after the other.
inline void pack_block(const Product& p, const Block& block, float* out) {
  for (std::int64_t at = 0; at < block.depth; at += depth_slice) {
    const std::int64_t depth = least(depth_slice, block.depth - at);
    for_tiles(block.rows, [&]<int R>(std::int64_t row) {
      const float* x = p.x + (block.first_row + row) * p.x_stride + block.first + at;
      for (std::int64_t k = 0; k < depth; ++k) {
        for (int r = 0; r < R; ++r) *out++ = x[r * p.x_stride + k];
      }
    });
  }
}

/// One panel for all packed rows.
template <class W>
inline void multiply_panel(const Product& p, const Block& block, std::int64_t number, const float* packed) {
  const std::int64_t wanted = least(panel, p.out - number * panel);
  for (std::int64_t at = 0; at < block.depth; at += depth_slice) {
    const std::int64_t depth = least(depth_slice, block.depth - at);
    const W* columns = static_cast<const W*>(p.panels) + (number * p.in + block.first + at) * panel;
    const bool add = p.add || block.first + at > 0;
    for_tiles(block.rows, [&]<int R>(std::int64_t row) {
      const float* x = packed + row * depth;
      const Tile<R> sum = row == 0 ? multiply_tile<R, Lie::packed, Ahead::next_slice>(x, 0, columns, depth)
                                   : multiply_tile<R, Lie::packed>(x, 0, columns, depth);
      float* y = p.y + (block.first_row + row) * p.y_stride + number * panel;
      if (wanted == panel) {
        store_tile<R>(sum, y, p.y_stride, add);
      } else {
        store_tile_part<R>(sum, y, p.y_stride, add, wanted);
      }
    });
    packed += block.rows * depth;
  }
}

template <class W>
void multiply(const Product& p, float* scratch) {
  for (std::int64_t row = 0; row < p.rows; row += packed_rows) {
    for (std::int64_t first = 0; first < p.in; first += packed_depth) {
      const Block block{row, least(packed_rows, p.rows - row), first, least(packed_depth, p.in - first)};
      pack_block(p, block, scratch);
      for (std::int64_t number = p.first_panel; number < p.end_panel; ++number) {
        multiply_panel<W>(p, block, number, scratch);
      }
    }
  }
}

}  // namespace
}  // namespace westofn::cpu
