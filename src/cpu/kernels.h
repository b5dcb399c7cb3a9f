// SPDX-License-Identifier: Apache-2.0
// What models compute with on the CPU: plain functions on memory, compiled once for every kind of vector unit.
//
// A matrix [O,I] is kept in panels: `panel` columns of its transpose stand together, [O / panel, I, panel], the last
// panel filled up with zeros. A row of a product is summed in one fixed order, whatever rows stand beside it, so that
// results do not depend on how rows are put together, bit for bit.
#pragma once

#include <cstdint>
#include <vector>

namespace westofn::cpu {

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

/// C [m,n] = A [m,k] B [k,n], or += it: bfloat16 factors, float32 sums. Rows of A and C are `a_stride` and `c_stride`
/// numbers apart; two rows of B stand interleaved, 2 * `b_stride` numbers together. n is a multiple of 16, k even.
using BlockProduct = void (*)(std::int64_t m, std::int64_t n, std::int64_t k, std::int64_t a_stride,
                              std::int64_t b_stride, std::int64_t c_stride, bool add, const Bf16* a, const Bf16* b,
                              float* c);

/// Which numbers of a matrix become 0, the others being scaled: number (r, c) is kept if a mix of `key` and
/// r * columns + c is at least `threshold`. A scale of 0: all are kept as they are.
struct Drop {
  std::uint32_t key = 0;
  std::uint32_t threshold = 0;
  float scale = 0;
};

/// One head of one sequence in training.
template <class T>
struct HeadPass {
  const T* queries;
  std::int64_t query_stride;
  std::int64_t query_count;
  const T* keys;
  const T* values;
  std::int64_t key_stride;  ///< of keys and of values
  std::int64_t key_count;
  std::int64_t width;
  const float* bias;  ///< added to the score of query i and key j: bias[j - i]; nullptr: nothing
  Sight sight;
  BlockProduct product;  ///< for bfloat16; nullptr: everything is computed in float32
  Drop drop;             ///< of the weights [query_count, key_count]
};

template <class T>
struct HeadResult {
  T* out;
  std::int64_t stride;
  float* log_sums;  ///< [query_count]: the logarithm of the sum of exp(score) of each query
};

template <class T>
struct HeadGradient {
  const T* out;           ///< what the forward pass made
  const T* out_gradient;  ///< of the loss by it
  std::int64_t out_stride;
  const float* log_sums;
  T* queries;
  std::int64_t query_stride;
  T* keys;
  T* values;
  std::int64_t key_stride;
  float* bias;  ///< [query_count + key_count - 1] by i - j + key_count - 1: added to; nullptr: not wanted
};

/// y = x / rms(x) * weight, backward.
template <class T>
struct NormGradient {
  const float* x;
  const float* weight;
  double epsilon;
  const T* gradient;       ///< of the loss by y
  float* x_gradient;       ///< added to
  float* weight_gradient;  ///< added to, row by row
  std::int64_t rows;
  std::int64_t width;
};

/// y = gelu(first half) * second half of hidden [rows, 2 * width], backward; makes y again on the way.
template <class T>
struct GateGradient {
  const T* hidden;
  const T* gradient;
  T* out;
  T* hidden_gradient;
  std::int64_t rows;
  std::int64_t width;
};

/// A step of torch.optim.AdamW.
struct AdamwUpdate {
  float* weights;
  const float* gradient;
  float* m;
  float* v;
  std::int64_t count;
  float gradient_factor;  ///< the gradient is multiplied by it first
  float one_minus_beta1;  ///< rounded from float64: 1 - 0.999F is wrong by 1.3e-5 of itself
  float beta2;
  float one_minus_beta2;
  float eps;
  float rate;                ///< learning rate / (1 - beta1^t)
  float keep;                ///< 1 - learning rate * weight decay
  float inverse_correction;  ///< 1 / sqrt(1 - beta2^t)
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
  /// `scratch`: training_scratch(queries, keys, width) numbers.
  void (*attend_for_training)(const HeadPass<T>& pass, const HeadResult<T>& result, float* scratch);
  void (*attend_gradient)(const HeadPass<T>& pass, const HeadGradient<T>& gradient, float* scratch);
  void (*norm_gradient)(const NormGradient<T>& pass);
  void (*gated_gelu_gradient)(const GateGradient<T>& pass);
  /// out = x + y.
  void (*sum)(const float* x, const T* y, float* out, std::int64_t n);
  void (*convert)(const float* x, T* out, std::int64_t n);
  /// x [rows, width], in place.
  void (*drop)(T* x, const Drop& drop, std::int64_t rows, std::int64_t width);
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
  double (*sum_squares)(const float* values, std::int64_t count);
  void (*adamw)(const AdamwUpdate& update);
};

/// Numbers of scratch memory that a product needs.
constexpr std::int64_t product_scratch = 98304;  // 96 rows of 1024
[[nodiscard]] std::int64_t attend_scratch(std::int64_t tokens, std::int64_t width);
/// Numbers of scratch memory that attention needs in training.
[[nodiscard]] std::int64_t training_scratch(std::int64_t queries, std::int64_t keys, std::int64_t width);
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

}  // namespace westofn::cpu
