// SPDX-License-Identifier: Apache-2.0
// What the CPU backend computes with: plain functions on memory, compiled once for every kind of vector unit.
//
// A matrix [O,I] is kept in panels: `panel` columns of its transpose stand together, [O / panel, I, panel], the last
// panel filled up with zeros. A row of a product is summed in one fixed order, whatever rows stand beside it, so that
// results do not depend on how rows are put together, bit for bit.
#pragma once

#include <cstdint>
#include <vector>

namespace westofn::inference::cpu {

/// The upper half of a float32.
struct Bf16 {
  std::uint16_t bits;
};

/// x [rows, in] times the transpose of a matrix [out, in], for some of its panels.
struct Product {
  const float* x;
  std::int64_t x_stride;
  std::int64_t rows;
  const void* panels;  ///< float or Bf16
  std::int64_t in;
  std::int64_t out;
  float* y;
  std::int64_t y_stride;
  bool add;  ///< y += instead of y =
  std::int64_t first_panel;
  std::int64_t end_panel;
};

/// Keys or values of one head: `tokens` rows of `width` numbers.
template <class T>
struct HeadRows {
  const T* rows;
  std::int64_t stride;
  std::int64_t tokens;
  std::int64_t width;
};

/// Keys and values of one head in panels, in float32.
struct HeadPanels {
  const float* keys;    ///< a matrix [tokens, width]
  const float* values;  ///< a matrix [width, tokens]
  std::int64_t tokens;
  std::int64_t width;
};

/// Which keys a query sees.
enum class Sight { all, backward };

/// Queries of one head over HeadPanels; softmax of unscaled scores.
template <class T>
struct HeadQueries {
  const T* queries;
  std::int64_t query_stride;
  std::int64_t count;
  T* out;
  std::int64_t out_stride;
  const float* bias;  ///< added to the score of query i and key j: bias[j - i]; nullptr: nothing
  Sight sight;
};

/// One new position of one row of a decoder, all heads.
template <class T>
struct StepRow {
  const T* query;  ///< [heads * width]; keys and values of the position likewise
  const T* key;
  const T* value;
  T* keys;            ///< [heads, width, capacity], the cache
  T* values;          ///< [heads, capacity, width]
  T* out;             ///< [heads * width]
  const float* bias;  ///< [heads, capacity]: distance capacity - 1 .. 0
  float* scratch;     ///< capacity + width numbers
  std::int64_t position;
  std::int64_t heads;
  std::int64_t width;
  std::int64_t capacity;  ///< a multiple of 32
};

/// Functions for activations of type T (float or Bf16).
template <class T>
struct RowKernels {
  /// out = x / rms(x) * weight; x in float32.
  void (*norm)(const float* x, const float* weight, double epsilon, T* out, std::int64_t rows, std::int64_t width);
  /// x += y, n numbers.
  void (*add)(float* x, const T* y, std::int64_t n);
  /// out [rows, width] = gelu(first half) * second half of hidden [rows, 2 * width]; the tanh form of gelu.
  void (*gated_gelu)(const T* hidden, T* out, std::int64_t rows, std::int64_t width);
  void (*pack_keys)(const HeadRows<T>& rows, float* panels);
  void (*pack_values)(const HeadRows<T>& rows, float* panels);
  /// `scratch`: attend_scratch(tokens, width) numbers.
  void (*attend)(const HeadPanels& source, const HeadQueries<T>& queries, float* scratch);
  void (*step)(const StepRow<T>& row);
};

/// What one draw needs of the logits of a position.
struct Weighing {
  const float* logits;
  std::int64_t count;
  float top;          ///< the largest logit
  float allowed_top;  ///< the largest logit that may be drawn
  float inverse_temperature;
  float* weights;      ///< [count]: exp((logit - allowed_top) / temperature), at most exp(88); nullptr: not wanted
  double* block_sums;  ///< [ceil(count / block)]: their sums in float64, in order of ids
};
constexpr std::int64_t weighing_block = 256;

struct Kernels {
  const char* name;
  std::int64_t panel;                                            ///< columns of a panel
  void (*product_f32)(const Product& product, float* scratch);   ///< panels of float
  void (*product_bf16)(const Product& product, float* scratch);  ///< panels of Bf16, computed in float32
  RowKernels<float> f32;
  RowKernels<Bf16> bf16;
  float (*largest)(const float* values, std::int64_t count);
  /// The sum of exp(logit - top) in float64.
  double (*sum_exp)(const float* logits, std::int64_t count, float top);
  /// Fills weights and block sums; returns sum_exp of the same logits.
  double (*weigh)(const Weighing& weighing);
};

/// Numbers of scratch memory that a product needs.
constexpr std::int64_t product_scratch = 96 * 1024;
[[nodiscard]] std::int64_t attend_scratch(std::int64_t tokens, std::int64_t width);
/// Numbers in the panels of a matrix [out, in].
[[nodiscard]] std::int64_t panel_numbers(const Kernels& kernels, std::int64_t out, std::int64_t in);

/// Working memory of the calling thread: at least so many numbers, until the next call.
[[nodiscard]] float* scratch(std::int64_t numbers);

/// Whether this CPU has instructions that multiply bfloat16 (AVX512-BF16; those with AMX have it too).
[[nodiscard]] bool multiplies_bf16();

/// The best that this CPU can run; chosen once.
[[nodiscard]] const Kernels& best_kernels();
/// All that this CPU can run, the best last; for tests.
[[nodiscard]] std::vector<const Kernels*> runnable_kernels();

}  // namespace westofn::inference::cpu
