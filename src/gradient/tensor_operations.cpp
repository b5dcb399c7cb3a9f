// SPDX-License-Identifier: Apache-2.0
// The operations of tensors: any device and type, padded batches. What is padded is computed and never read: keys
// behind the end of a sequence are masked, and no gradient comes from rows that nobody looks at.
#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/full.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/gelu_backward.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/threshold_backward.h>
#include <ATen/ops/zeros.h>

#include <utility>

#include "gradient/operations.h"
#include "model/layers.h"

namespace westofn::gradient {
namespace {

at::Tensor long_range(std::int64_t count, at::Device device) {
  return at::arange(count, at::TensorOptions(device).dtype(at::kLong));
}

class TensorOperations final : public Operations {
 public:
  TensorOperations(const model::T5Config& config, model::Placement placement)
      : config_(config), placement_(placement) {}

  [[nodiscard]] std::string describe() const override { return "tensors on " + placement_.device.str(); }
  [[nodiscard]] Layout lay_out(std::vector<std::int64_t> lengths) const override {
    return inference::padded(std::move(lengths), 1);
  }
  [[nodiscard]] at::ScalarType activations() const override { return placement_.dtype; }

  [[nodiscard]] at::Tensor norm(const at::Tensor& x_MD, const at::Tensor& weight_D) const override {
    return (x_MD * inverse_rms(x_MD)).mul_(weight_D).to(placement_.dtype);
  }

  [[nodiscard]] at::Tensor norm_gradient(const at::Tensor& x_MD, const at::Tensor& weight_D,
                                         const at::Tensor& gradient_MD, at::Tensor& x_gradient) const override {
    const at::Tensor inverse_M1 = inverse_rms(x_MD);
    const at::Tensor unit_MD = x_MD * inverse_M1;
    const at::Tensor wide_MD = gradient_MD.to(x_MD.scalar_type());
    const at::Tensor upstream_MD = wide_MD * weight_D;
    const at::Tensor along_M1 = (upstream_MD * unit_MD).mean(-1, /*keepdim=*/true);
    x_gradient.add_((upstream_MD - unit_MD * along_M1).mul_(inverse_M1));
    return (wide_MD * unit_MD).sum(0);
  }

  [[nodiscard]] at::Tensor activate(const at::Tensor& hidden) const override {
    if (config_.feed_forward == model::FeedForward::relu) return at::relu(hidden);
    const auto parts = hidden.chunk(2, 1);
    return at::gelu(parts[0], "tanh").mul_(parts[1]);
  }

  [[nodiscard]] Activated activate_gradient(const at::Tensor& hidden, const at::Tensor& gradient_MF) const override {
    if (config_.feed_forward == model::FeedForward::relu) {
      at::Tensor out = at::relu(hidden);
      at::Tensor slope = at::threshold_backward(gradient_MF, out, 0);
      return {std::move(out), std::move(slope)};
    }
    const auto parts = hidden.chunk(2, 1);
    const at::Tensor gate = at::gelu(parts[0], "tanh");
    at::Tensor slopes = at::empty_like(hidden);
    const auto out_parts = slopes.chunk(2, 1);
    out_parts[0].copy_(at::gelu_backward(gradient_MF * parts[1], parts[0], "tanh"));
    out_parts[1].copy_(gradient_MF * gate);
    return {gate * parts[1], std::move(slopes)};
  }

  [[nodiscard]] Attended attend(const Attention& a) const override {
    const at::Tensor scores_BHTS = scores(a);
    const at::Tensor log_sums_BHT1 = at::logsumexp(scores_BHTS, -1, /*keepdim=*/true);
    at::Tensor weights_BHTS = (scores_BHTS - log_sums_BHT1).exp_();
    if (!a.dropout.is_off()) weights_BHTS.mul_(kept_weights(a));
    const at::Tensor mixed_BHTK = at::matmul(weights_BHTS.to(placement_.dtype), split(a.values_MI, a.key_layout));
    return {merge(mixed_BHTK, a.query_layout), log_sums_BHT1};
  }

  void attend_gradient(const Attention& a, const Attended& result, const at::Tensor& gradient_MI,
                       const AttentionGradient& out) const override {
    const at::ScalarType type = placement_.dtype;
    const at::Tensor queries = split(a.queries_MI, a.query_layout);
    const at::Tensor keys = split(a.keys_MI, a.key_layout);
    const at::Tensor values = split(a.values_MI, a.key_layout);
    const at::Tensor upstream_BHTK = split(gradient_MI, a.query_layout);
    const at::Tensor weights_BHTS = (scores(a) - result.log_sums_HM).exp_();
    at::Tensor above_BHTS = at::matmul(upstream_BHTK, values.transpose(2, 3)).to(wide());
    at::Tensor used_BHTS = weights_BHTS;
    if (!a.dropout.is_off()) {
      const at::Tensor kept = kept_weights(a);
      above_BHTS.mul_(kept);
      used_BHTS = weights_BHTS * kept;
    }
    const at::Tensor delta_BHT1 =
        (upstream_BHTK.to(wide()) * split(result.out_MI, a.query_layout)).sum(-1, /*keepdim=*/true);
    const at::Tensor slopes_BHTS = above_BHTS.sub_(delta_BHT1).mul_(weights_BHTS);
    if (out.bias_HW.defined()) add_bias(slopes_BHTS.sum(0), out.bias_HW);
    const at::Tensor narrow_BHTS = slopes_BHTS.to(type);
    out.queries_MI.copy_(merge(at::matmul(narrow_BHTS, keys), a.query_layout));
    out.keys_MI.copy_(merge(at::matmul(narrow_BHTS.transpose(2, 3), queries), a.key_layout));
    out.values_MI.copy_(merge(at::matmul(used_BHTS.to(type).transpose(2, 3), upstream_BHTK), a.key_layout));
  }

  [[nodiscard]] at::Tensor sum(const at::Tensor& x_MD, const at::Tensor& y_MD) const override { return x_MD + y_MD; }
  [[nodiscard]] at::Tensor narrow(const at::Tensor& x) const override { return x.to(placement_.dtype); }

  void drop(at::Tensor& x, const Layout& layout, const Dropout& dropout) const override {
    if (dropout.is_off()) return;
    std::vector<cpu::Drop> drops;
    for (std::int64_t b = 0; b < layout.sequences(); ++b) drops.push_back(dropout.of(b));
    x.mul_(kept_numbers(drops, {layout.width, x.size(1), x.size(1)}, x.options()).view_as(x));
  }

 private:
  [[nodiscard]] at::Tensor inverse_rms(const at::Tensor& x_MD) const {
    return x_MD.square().mean(-1, /*keepdim=*/true).add_(config_.layer_norm_epsilon).rsqrt_();
  }

  /// [M,I] to [B,H,S,K].
  [[nodiscard]] at::Tensor split(const at::Tensor& rows_MI, const Layout& layout) const {
    return rows_MI.unflatten(0, {layout.sequences(), layout.width})
        .unflatten(2, {config_.num_heads, config_.d_kv})
        .transpose(1, 2);
  }
  [[nodiscard]] at::Tensor merge(const at::Tensor& x_BHSK, const Layout& layout) const {
    return x_BHSK.transpose(1, 2).reshape({layout.rows, config_.inner()});
  }

  /// Scores in the wide type, with bias; what must not be seen has the lowest finite one.
  [[nodiscard]] at::Tensor scores(const Attention& a) const {
    at::Tensor scores_BHTS =
        at::matmul(split(a.queries_MI, a.query_layout), split(a.keys_MI, a.key_layout).transpose(2, 3)).to(wide());
    const std::int64_t queries = a.query_layout.width;
    const std::int64_t keys = a.key_layout.width;
    if (a.bias_HW.defined()) {
      const at::Tensor places_TS =
          (long_range(keys, placement_.device).unsqueeze(0) - long_range(queries, placement_.device).unsqueeze(1)) +
          a.bias_HW.size(1) / 2;
      scores_BHTS = scores_BHTS + a.bias_HW.index_select(1, places_TS.flatten()).view({-1, queries, keys});
    }
    const at::Tensor lengths_B = at::tensor(a.key_layout.lengths, at::kLong).to(placement_.device);
    at::Tensor hidden_B1TS =
        (long_range(keys, placement_.device).unsqueeze(0) >= lengths_B.unsqueeze(1)).unsqueeze(1).unsqueeze(1);
    if (a.sight == Sight::backward) {
      hidden_B1TS = hidden_B1TS.logical_or(long_range(keys, placement_.device).unsqueeze(0) >
                                           long_range(queries, placement_.device).unsqueeze(1));
    }
    return scores_BHTS.masked_fill(hidden_B1TS, model::masked_score(placement_.dtype));
  }

  [[nodiscard]] at::Tensor kept_weights(const Attention& a) const {
    std::vector<at::Tensor> of_sequences;
    for (std::int64_t b = 0; b < a.query_layout.sequences(); ++b) {
      std::vector<cpu::Drop> drops;
      for (std::int64_t h = 0; h < config_.num_heads; ++h) drops.push_back(a.dropout.of(b, h));
      // Weights are numbered by the sequence's own number of keys: padding changes no mask.
      of_sequences.push_back(kept_numbers(
          drops, {a.query_layout.width, a.key_layout.width, a.key_layout.lengths[static_cast<std::size_t>(b)]},
          at::TensorOptions(placement_.device).dtype(wide())));
    }
    return at::stack(of_sequences);
  }

  /// Adds the sums along diagonals of slopes [H,T,S] to the biases of their relative positions.
  static void add_bias(const at::Tensor& slopes_HTS, const at::Tensor& bias_HW) {
    // Rows are turned upside down and widened by T - 1 zeros and one; read as rows that are one shorter, every diagonal
    // becomes a column. Nothing is scattered, so that the order of the sums is fixed on any device.
    const std::int64_t heads = slopes_HTS.size(0);
    const std::int64_t queries = slopes_HTS.size(1);
    const std::int64_t width = slopes_HTS.size(2) + queries;
    const at::Tensor flat = at::constant_pad_nd(slopes_HTS.flip(1), {0, queries}).reshape({heads, queries * width});
    const at::Tensor sums_HW = flat.narrow(1, 0, queries * (width - 1)).reshape({heads, queries, width - 1}).sum(1);
    bias_HW.narrow(1, bias_HW.size(1) / 2 - (queries - 1), width - 1).add_(sums_HW);
  }

  model::T5Config config_;
  model::Placement placement_;
};

}  // namespace

std::unique_ptr<Operations> make_tensor_operations(const model::T5Config& config, model::Placement placement) {
  return std::make_unique<TensorOperations>(config, placement);
}

}  // namespace westofn::gradient
