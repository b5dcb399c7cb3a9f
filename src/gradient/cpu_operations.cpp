// SPDX-License-Identifier: Apache-2.0
// The operations of the CPU: our kernels, no padding.
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/threshold_backward.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <utility>

#include "gradient/operations.h"
#include "inference/block_product.h"
#include "util/error.h"

namespace westofn::gradient {
namespace {

using cpu::Bf16;

template <class T>
const T* numbers(const at::Tensor& tensor) {
  return static_cast<const T*>(tensor.const_data_ptr());
}
template <class T>
T* mutable_numbers(const at::Tensor& tensor) {
  return static_cast<T*>(tensor.mutable_data_ptr());
}

template <class T>
const cpu::RowKernels<T>& kernels_of() {
  if constexpr (sizeof(T) == 4) {
    return cpu::best_kernels().f32;
  } else {
    return cpu::best_kernels().bf16;
  }
}

using inference::block_product;

/// Rows of at least this many numbers are worth a thread.
constexpr std::int64_t numbers_of_thread = 16384;

template <class F>
void for_rows(std::int64_t rows, std::int64_t width, const F& use) {
  const std::int64_t grain = std::max<std::int64_t>(1, numbers_of_thread / std::max<std::int64_t>(width, 1));
  at::parallel_for(0, rows, grain, [&](std::int64_t begin, std::int64_t end) { use(begin, end - begin); });
}

template <class T>
class CpuOperations final : public Operations {
 public:
  explicit CpuOperations(const model::T5Config& config) : config_(config) {}

  [[nodiscard]] std::string describe() const override {
    return std::string("own ") + cpu::best_kernels().name + " kernels on the CPU" +
           (sizeof(T) == 2 ? (block_product() != nullptr ? ", bfloat16 products by oneDNN"
                                                         : ", bfloat16 weights computed in float32")
                           : "");
  }
  [[nodiscard]] Layout lay_out(std::vector<std::int64_t> lengths) const override {
    return inference::ragged(std::move(lengths));
  }
  [[nodiscard]] at::ScalarType activations() const override { return sizeof(T) == 4 ? at::kFloat : at::kBFloat16; }

  [[nodiscard]] at::Tensor norm(const at::Tensor& x_MD, const at::Tensor& weight_D) const override {
    at::Tensor out = empty(x_MD.size(0), x_MD.size(1));
    const at::Tensor weight = weight_D.to(at::kFloat);
    const std::int64_t width = x_MD.size(1);
    for_rows(x_MD.size(0), width, [&](std::int64_t first, std::int64_t rows) {
      kernels_of<T>().norm(numbers<float>(x_MD) + first * width, numbers<float>(weight), config_.layer_norm_epsilon,
                           mutable_numbers<T>(out) + first * width, rows, width);
    });
    return out;
  }

  [[nodiscard]] at::Tensor norm_gradient(const at::Tensor& x_MD, const at::Tensor& weight_D,
                                         const at::Tensor& gradient_MD, at::Tensor& x_gradient) const override {
    // Fixed portions of rows, whose sums are added in their order: the result does not depend on the threads.
    constexpr std::int64_t portion = 256;
    const std::int64_t rows = x_MD.size(0);
    const std::int64_t width = x_MD.size(1);
    const std::int64_t portions = (rows + portion - 1) / portion;
    const at::Tensor weight = weight_D.to(at::kFloat);
    const at::Tensor sums = at::zeros({portions, width}, at::kFloat);
    at::parallel_for(0, portions, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t p = begin; p < end; ++p) {
        const std::int64_t at = p * portion * width;
        kernels_of<T>().norm_gradient({numbers<float>(x_MD) + at, numbers<float>(weight), config_.layer_norm_epsilon,
                                       numbers<T>(gradient_MD) + at, mutable_numbers<float>(x_gradient) + at,
                                       mutable_numbers<float>(sums) + p * width, std::min(portion, rows - p * portion),
                                       width});
      }
    });
    return sums.sum(0);
  }

  [[nodiscard]] at::Tensor activate(const at::Tensor& hidden) const override {
    if (config_.feed_forward == model::FeedForward::relu) return at::relu(hidden);
    const std::int64_t width = hidden.size(1) / 2;
    at::Tensor out = empty(hidden.size(0), width);
    for_rows(hidden.size(0), width, [&](std::int64_t first, std::int64_t rows) {
      kernels_of<T>().gated_gelu(numbers<T>(hidden) + first * 2 * width, mutable_numbers<T>(out) + first * width, rows,
                                 width);
    });
    return out;
  }

  [[nodiscard]] Activated activate_gradient(const at::Tensor& hidden, const at::Tensor& gradient_MF) const override {
    if (config_.feed_forward == model::FeedForward::relu) {
      at::Tensor out = at::relu(hidden);
      at::Tensor slope = at::threshold_backward(gradient_MF, out, 0);
      return {std::move(out), std::move(slope)};
    }
    const std::int64_t width = gradient_MF.size(1);
    Activated result{at::empty_like(gradient_MF), at::empty_like(hidden)};
    for_rows(hidden.size(0), width, [&](std::int64_t first, std::int64_t rows) {
      kernels_of<T>().gated_gelu_gradient(
          {numbers<T>(hidden) + first * 2 * width, numbers<T>(gradient_MF) + first * width,
           mutable_numbers<T>(result.out_MF) + first * width,
           mutable_numbers<T>(result.hidden_gradient) + first * 2 * width, rows, width});
    });
    return result;
  }

  [[nodiscard]] Attended attend(const Attention& a) const override {
    Attended result{empty(a.query_layout.rows, config_.inner()),
                    at::empty({config_.num_heads, a.query_layout.rows}, at::kFloat)};
    for_heads(a, [&](const Head& head) {
      kernels_of<T>().attend_for_training(
          pass(a, head),
          {mutable_numbers<T>(result.out_MI) + head.query_at(result.out_MI), result.out_MI.stride(0),
           mutable_numbers<float>(result.log_sums_HM) + head.log_sums_at},
          scratch(a, head));
    });
    return result;
  }

  void attend_gradient(const Attention& a, const Attended& result, const at::Tensor& gradient_MI,
                       const AttentionGradient& out) const override {
    // Sums of the bias by head and sequence, added in the order of sequences.
    const std::int64_t longest = a.query_layout.longest() + a.key_layout.longest();
    at::Tensor bias_sums;
    if (out.bias_HW.defined())
      bias_sums = at::zeros({a.query_layout.sequences(), config_.num_heads, longest}, at::kFloat);
    for_heads(a, [&](const Head& head) {
      const std::int64_t out_at = head.query_at(result.out_MI);
      float* bias = bias_sums.defined() ? mutable_numbers<float>(bias_sums) + head.job * longest : nullptr;
      kernels_of<T>().attend_gradient(
          pass(a, head),
          {numbers<T>(result.out_MI) + out_at, numbers<T>(gradient_MI) + out_at, result.out_MI.stride(0),
           numbers<float>(result.log_sums_HM) + head.log_sums_at,
           mutable_numbers<T>(out.queries_MI) + head.query_at(out.queries_MI), out.queries_MI.stride(0),
           mutable_numbers<T>(out.keys_MI) + head.key_at(out.keys_MI),
           mutable_numbers<T>(out.values_MI) + head.key_at(out.values_MI), out.keys_MI.stride(0), bias},
          scratch(a, head));
    });
    if (bias_sums.defined()) add_bias(a, bias_sums, out.bias_HW);
  }

  [[nodiscard]] at::Tensor sum(const at::Tensor& x_MD, const at::Tensor& y_MD) const override {
    at::Tensor out = at::empty_like(x_MD);
    for_rows(x_MD.size(0), x_MD.size(1), [&](std::int64_t first, std::int64_t rows) {
      const std::int64_t at = first * x_MD.size(1);
      kernels_of<T>().sum(numbers<float>(x_MD) + at, numbers<T>(y_MD) + at, mutable_numbers<float>(out) + at,
                          rows * x_MD.size(1));
    });
    return out;
  }

  [[nodiscard]] at::Tensor narrow(const at::Tensor& x) const override {
    if constexpr (sizeof(T) == 4) return x;
    at::Tensor out = at::empty_like(x, at::kBFloat16);
    for_rows(x.numel(), 1, [&](std::int64_t first, std::int64_t count) {
      kernels_of<T>().convert(numbers<float>(x) + first, mutable_numbers<T>(out) + first, count);
    });
    return out;
  }

  void drop(at::Tensor& x, const Layout& layout, const Dropout& dropout) const override {
    if (dropout.is_off()) return;
    if (x.scalar_type() == at::kFloat) {
      drop_numbers<float>(x, layout, dropout);
    } else {
      drop_numbers<Bf16>(x, layout, dropout);
    }
  }

 private:
  /// One head of one sequence.
  struct Head {
    std::int64_t job;
    std::int64_t sequence;
    std::int64_t head;
    std::int64_t column;
    std::int64_t query_begin;
    std::int64_t key_begin;
    std::int64_t queries;
    std::int64_t keys;
    std::int64_t log_sums_at;
    [[nodiscard]] std::int64_t query_at(const at::Tensor& rows) const { return query_begin * rows.stride(0) + column; }
    [[nodiscard]] std::int64_t key_at(const at::Tensor& rows) const { return key_begin * rows.stride(0) + column; }
  };

  template <class N>
  static void drop_numbers(at::Tensor& x, const Layout& layout, const Dropout& dropout) {
    at::parallel_for(0, layout.sequences(), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t b = begin; b < end; ++b) {
        const auto at = static_cast<std::size_t>(b);
        kernels_of<N>().drop(mutable_numbers<N>(x) + layout.begins[at] * x.size(1), dropout.of(b), layout.lengths[at],
                             x.size(1));
      }
    });
  }

  template <class F>
  void for_heads(const Attention& a, const F& use) const {
    const std::int64_t heads = config_.num_heads;
    at::parallel_for(0, a.query_layout.sequences() * heads, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t job = begin; job < end; ++job) {
        const auto b = static_cast<std::size_t>(job / heads);
        const std::int64_t head = job % heads;
        use(Head{job, job / heads, head, head * config_.d_kv, a.query_layout.begins[b], a.key_layout.begins[b],
                 a.query_layout.lengths[b], a.key_layout.lengths[b],
                 head * a.query_layout.rows + a.query_layout.begins[b]});
      }
      inference::release_block_product();
    });
  }

  [[nodiscard]] cpu::HeadPass<T> pass(const Attention& a, const Head& head) const {
    const float* bias = a.bias_HW.defined()
                            ? numbers<float>(a.bias_HW) + head.head * a.bias_HW.size(1) + a.bias_HW.size(1) / 2
                            : nullptr;
    WESTOFN_CHECK(a.keys_MI.stride(0) == a.values_MI.stride(0), "keys and values lie alike");
    return {numbers<T>(a.queries_MI) + head.query_at(a.queries_MI),
            a.queries_MI.stride(0),
            head.queries,
            numbers<T>(a.keys_MI) + head.key_at(a.keys_MI),
            numbers<T>(a.values_MI) + head.key_at(a.values_MI),
            a.keys_MI.stride(0),
            head.keys,
            config_.d_kv,
            bias,
            a.sight,
            block_product(),
            a.dropout.of(head.sequence, head.head)};
  }

  [[nodiscard]] float* scratch(const Attention& /*a*/, const Head& head) const {
    return cpu::scratch(cpu::training_scratch(head.queries, head.keys, config_.d_kv));
  }

  /// Sums stand by i - j + keys - 1; the bias by j - i + W/2.
  void add_bias(const Attention& a, const at::Tensor& sums, const at::Tensor& bias_HW) const {
    const std::int64_t width = bias_HW.size(1);
    for (std::int64_t b = 0; b < sums.size(0); ++b) {
      const std::int64_t queries = a.query_layout.lengths[static_cast<std::size_t>(b)];
      const std::int64_t keys = a.key_layout.lengths[static_cast<std::size_t>(b)];
      for (std::int64_t h = 0; h < sums.size(1); ++h) {
        const float* from = numbers<float>(sums) + (b * sums.size(1) + h) * sums.size(2);
        float* to = mutable_numbers<float>(bias_HW) + h * width + width / 2;
        for (std::int64_t at = 0; at < queries + keys - 1; ++at) to[keys - 1 - at] += from[at];
      }
    }
  }

  [[nodiscard]] at::Tensor empty(std::int64_t rows, std::int64_t width) const {
    return at::empty({rows, width}, activations());
  }

  model::T5Config config_;
};

}  // namespace

std::unique_ptr<Operations> make_cpu_operations(const model::T5Config& config, at::ScalarType activations) {
  if (activations == at::kBFloat16) return std::make_unique<CpuOperations<Bf16>>(config);
  WESTOFN_CHECK(activations == at::kFloat, "our kernels work on float32 and bfloat16");
  return std::make_unique<CpuOperations<float>>(config);
}

std::unique_ptr<Operations> make_operations(const model::T5Config& config, model::Placement placement) {
  if (!placement.device.is_cpu()) return make_tensor_operations(config, placement);
  if (placement.dtype == at::kFloat) return make_cpu_operations(config, at::kFloat);
  if (placement.dtype != at::kBFloat16) return make_tensor_operations(config, placement);
  return make_cpu_operations(config, cpu::multiplies_bf16() ? at::kBFloat16 : at::kFloat);
}

at::ScalarType Operations::wide() const { return activations() == at::kDouble ? at::kDouble : at::kFloat; }

}  // namespace westofn::gradient
