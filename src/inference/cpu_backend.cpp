// SPDX-License-Identifier: Apache-2.0
// The backend of the CPU: our kernels, no padding, every row by itself.
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include "cpu/kernels.h"
#include "inference/backend.h"
#include "inference/block_product.h"
#include "inference/cpu_cache.h"
#include "util/error.h"

namespace westofn::inference {
namespace {

using cpu::Bf16;

/// T's numbers in a tensor of float32 or bfloat16.
template <class T>
const T* numbers(const at::Tensor& tensor) {
  return static_cast<const T*>(tensor.const_data_ptr());
}

template <class T>
T* mutable_numbers(const at::Tensor& tensor) {
  return static_cast<T*>(tensor.mutable_data_ptr());
}

/// States in panels, sequence by sequence: as keys and as values of one head as wide as the model.
template <class T>
class CpuStates final : public HeldStates {
 public:
  CpuStates(const at::Tensor& states_MD, const Layout& layout, std::int64_t heads)
      : lengths_(layout.lengths), width_(states_MD.size(1)), heads_(heads) {
    const auto& kernels = cpu::best_kernels();
    std::int64_t total = 0;
    for (const std::int64_t tokens : lengths_) {
      begins_.push_back(total);
      total += cpu::panel_numbers(kernels, tokens, width_) + cpu::panel_numbers(kernels, width_, tokens);
    }
    panels_ = at::empty({total}, at::kFloat);
    const T* states = numbers<T>(states_MD);
    at::parallel_for(0, layout.sequences(), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t b = begin; b < end; ++b) {
        const auto at = static_cast<std::size_t>(b);
        const cpu::HeadRows<T> rows{states + layout.begins[at] * states_MD.stride(0), states_MD.stride(0), lengths_[at],
                                    width_};
        float* keys = mutable_numbers<float>(panels_) + begins_[at];
        kernels_of<T>().pack_keys(rows, keys);
        kernels_of<T>().pack_values(rows, keys + cpu::panel_numbers(kernels, lengths_[at], width_));
      }
    });
  }

  [[nodiscard]] at::Tensor attend(const at::Tensor& queries_BX) const override {
    at::Tensor out = at::empty_like(queries_BX);
    const auto& kernels = cpu::best_kernels();
    at::parallel_for(0, queries_BX.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t b = begin; b < end; ++b) {
        const auto at = static_cast<std::size_t>(b);
        const float* keys = numbers<float>(panels_) + begins_[at];
        const cpu::HeadPanels source{keys, keys + cpu::panel_numbers(kernels, lengths_[at], width_), lengths_[at],
                                     width_};
        const std::int64_t first = b * heads_ * width_;
        const cpu::HeadQueries<T> queries{numbers<T>(queries_BX) + first,
                                          width_,
                                          heads_,
                                          mutable_numbers<T>(out) + first,
                                          width_,
                                          nullptr,
                                          Sight::all};
        kernels_of<T>().attend(source, queries, cpu::scratch(cpu::attend_scratch(lengths_[at], width_)));
      }
    });
    return out;
  }

 private:
  std::vector<std::int64_t> lengths_;
  std::vector<std::int64_t> begins_;
  std::int64_t width_;
  std::int64_t heads_;
  at::Tensor panels_;
};

/// Activations of type T.
template <class T>
class CpuBackend final : public Backend {
 public:
  explicit CpuBackend(const model::T5Config& config) : config_(config) {}

  [[nodiscard]] std::string describe() const override {
    return std::string("own ") + cpu::best_kernels().name + " kernels on the CPU";
  }
  [[nodiscard]] EndedRows ended_rows() const override { return EndedRows::leave_at_once; }
  [[nodiscard]] std::int64_t best_tokens() const override { return 1024; }
  [[nodiscard]] std::int64_t best_rows() const override { return 96; }
  [[nodiscard]] Layout lay_out(std::vector<std::int64_t> lengths) const override { return ragged(std::move(lengths)); }

  [[nodiscard]] at::Tensor norm(const at::Tensor& x_MD, const at::Tensor& weight_D) const override {
    at::Tensor out = empty(x_MD.size(0), x_MD.size(1));
    const std::int64_t width = x_MD.size(1);
    for_rows(x_MD.size(0), [&](std::int64_t first, std::int64_t rows) {
      kernels_of<T>().norm(numbers<float>(x_MD) + first * width, numbers<float>(weight_D), config_.layer_norm_epsilon,
                           mutable_numbers<T>(out) + first * width, rows, width);
    });
    return out;
  }

  [[nodiscard]] at::Tensor activate(at::Tensor hidden, model::FeedForward kind) const override {
    if (kind == model::FeedForward::relu) return hidden.relu_();
    const std::int64_t width = hidden.size(1) / 2;
    at::Tensor out = empty(hidden.size(0), width);
    for_rows(hidden.size(0), [&](std::int64_t first, std::int64_t rows) {
      kernels_of<T>().gated_gelu(numbers<T>(hidden) + first * 2 * width, mutable_numbers<T>(out) + first * width, rows,
                                 width);
    });
    return out;
  }

  [[nodiscard]] PositionBias make_bias(const at::Tensor& table_HW, const Layout& /*queries*/, const Layout& /*keys*/,
                                       Sight sight) const override {
    return {sight, table_HW, {}};
  }

  [[nodiscard]] at::Tensor attend(const Heads& heads, const Layout& queries, const Layout& keys,
                                  const PositionBias& bias) const override {
    at::Tensor out = empty(queries.rows, config_.inner());
    const std::int64_t jobs = queries.sequences() * config_.num_heads;
    at::parallel_for(0, jobs, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t job = begin; job < end; ++job) {
        const auto sequence = static_cast<std::size_t>(job / config_.num_heads);
        const Attention attention{heads, queries, keys, bias};
        if (uses_blocks()) {
          attend_in_blocks(attention, sequence, job % config_.num_heads, out);
        } else {
          attend_head(attention, sequence, job % config_.num_heads, out);
        }
      }
      if (uses_blocks()) release_block_product();
    });
    return out;
  }

  [[nodiscard]] std::unique_ptr<HeldStates> hold(const at::Tensor& states_MD, const Layout& layout,
                                                 std::int64_t heads) const override {
    return std::make_unique<CpuStates<T>>(states_MD, layout, heads);
  }

  [[nodiscard]] std::unique_ptr<DecoderCache> make_cache(const DecoderCapacity& capacity,
                                                         const at::Tensor& bias_HT) const override {
    return std::make_unique<CpuCache<T>>(config_, capacity, bias_HT);
  }

 private:
  struct Attention {
    const Heads& heads;
    const Layout& queries;
    const Layout& keys;
    const PositionBias& bias;
  };

  /// Whether attention multiplies bfloat16 by bfloat16.
  [[nodiscard]] bool uses_blocks() const {
    return sizeof(T) == 2 && block_product() != nullptr && config_.d_kv % 2 == 0;
  }

  /// One head of one sequence with the kernels of training, whose products are those of the CPU's matrix unit.
  void attend_in_blocks(const Attention& a, std::size_t sequence, std::int64_t head, at::Tensor& out) const {
    const std::int64_t width = config_.d_kv;
    const std::int64_t query_count = a.queries.lengths[sequence];
    const std::int64_t key_count = a.keys.lengths[sequence];
    float* memory = cpu::scratch(query_count + cpu::training_scratch(query_count, key_count, width));
    const auto rows = [&](const at::Tensor& rows_MI, const Layout& layout) {
      return numbers<T>(rows_MI) + layout.begins[sequence] * rows_MI.stride(0) + head * width;
    };
    const cpu::HeadPass<T> pass{rows(a.heads.queries_MI, a.queries),
                                a.heads.queries_MI.stride(0),
                                query_count,
                                rows(a.heads.keys_MI, a.keys),
                                rows(a.heads.values_MI, a.keys),
                                a.heads.keys_MI.stride(0),
                                key_count,
                                width,
                                bias_of(a, head),
                                a.bias.sight,
                                block_product(),
                                {}};
    T* first = mutable_numbers<T>(out) + a.queries.begins[sequence] * out.stride(0) + head * width;
    kernels_of<T>().attend_for_training(pass, {first, out.stride(0), memory}, memory + query_count);
  }

  /// By relative position, 0 in the middle; nullptr: no bias.
  [[nodiscard]] static const float* bias_of(const Attention& a, std::int64_t head) {
    const at::Tensor& table_HW = a.bias.table_HW;
    return table_HW.defined() ? numbers<float>(table_HW) + head * table_HW.size(1) + table_HW.size(1) / 2 : nullptr;
  }

  /// One head of one sequence: its keys and values go into panels, then all its queries pass by.
  void attend_head(const Attention& a, std::size_t sequence, std::int64_t head, at::Tensor& out) const {
    const auto& kernels = cpu::best_kernels();
    const std::int64_t width = config_.d_kv;
    const std::int64_t tokens = a.keys.lengths[sequence];
    const std::int64_t key_numbers = cpu::panel_numbers(kernels, tokens, width);
    const std::int64_t value_numbers = cpu::panel_numbers(kernels, width, tokens);
    float* panels = cpu::scratch(key_numbers + value_numbers + cpu::attend_scratch(tokens, width));
    const auto head_rows = [&](const at::Tensor& rows_MI) {
      const T* first = numbers<T>(rows_MI) + a.keys.begins[sequence] * rows_MI.stride(0) + head * width;
      return cpu::HeadRows<T>{first, rows_MI.stride(0), tokens, width};
    };
    kernels_of<T>().pack_keys(head_rows(a.heads.keys_MI), panels);
    kernels_of<T>().pack_values(head_rows(a.heads.values_MI), panels + key_numbers);
    const at::Tensor& queries_MI = a.heads.queries_MI;
    const std::int64_t begin = a.queries.begins[sequence];
    const cpu::HeadQueries<T> queries{numbers<T>(queries_MI) + begin * queries_MI.stride(0) + head * width,
                                      queries_MI.stride(0),
                                      a.queries.lengths[sequence],
                                      mutable_numbers<T>(out) + begin * out.stride(0) + head * width,
                                      out.stride(0),
                                      bias_of(a, head),
                                      a.bias.sight};
    kernels_of<T>().attend({panels, panels + key_numbers, tokens, width}, queries,
                           panels + key_numbers + value_numbers);
  }

  [[nodiscard]] static at::Tensor empty(std::int64_t rows, std::int64_t width) {
    return at::empty({rows, width}, at::dtype(scalar_type_of<T>));
  }

  template <class F>
  static void for_rows(std::int64_t rows, const F& use) {
    at::parallel_for(0, rows, 64, [&](std::int64_t begin, std::int64_t end) { use(begin, end - begin); });
  }

  model::T5Config config_;
};

}  // namespace

std::unique_ptr<Backend> make_cpu_backend(const model::T5Config& config, at::ScalarType activations) {
  if (activations == at::kBFloat16) return std::make_unique<CpuBackend<Bf16>>(config);
  WESTOFN_CHECK(activations == at::kFloat, "our kernels work on float32 and bfloat16");
  return std::make_unique<CpuBackend<float>>(config);
}

}  // namespace westofn::inference
