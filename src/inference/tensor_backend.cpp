// SPDX-License-Identifier: Apache-2.0
// The backend of tensors: any device, padded batches, one shape for all steps of a decoder.
#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include "inference/backend.h"
#include "inference/tensor_cache.h"
#include "model/layers.h"
#include "util/error.h"

namespace westofn::inference {
namespace {

/// Batches are as wide as a multiple of it: few shapes, and rows of masks that the attention kernels of CUDA read
/// without a copy (they ask for a multiple of 8).
constexpr std::int64_t width_step = 64;

class TensorStates final : public HeldStates {
 public:
  TensorStates(const at::Tensor& states_MD, const Layout& layout, std::int64_t heads)
      : states_BSD_(states_MD.view({layout.sequences(), layout.width, -1})),
        mask_B1S_(padding_mask(layout, states_MD.options()).unsqueeze(1)),
        heads_(heads) {}

  [[nodiscard]] at::Tensor attend(const at::Tensor& queries_BX) const override {
    const at::Tensor queries_BHD = queries_BX.view({queries_BX.size(0), heads_, -1});
    const at::Tensor scores_BHS = at::matmul(queries_BHD, states_BSD_.transpose(1, 2)).to(mask_B1S_.scalar_type());
    const at::Tensor weights_BHS = at::softmax(scores_BHS + mask_B1S_, -1).to(states_BSD_.scalar_type());
    return at::matmul(weights_BHS, states_BSD_).flatten(1);
  }

 private:
  at::Tensor states_BSD_;
  at::Tensor mask_B1S_;
  std::int64_t heads_;
};

class TensorBackend final : public Backend {
 public:
  TensorBackend(const model::T5Config& config, model::Placement placement) : config_(config), placement_(placement) {
    if (placement.device.is_cuda()) pin_attention();
  }

  [[nodiscard]] std::string describe() const override {
    const std::string device = placement_.device.str();
    if (!placement_.device.is_cuda()) return "tensors on " + device + ", attention by PyTorch's SDPA";
    return "tensors on " + device +
           ", attention by PyTorch's memory-efficient SDPA (cuDNN is switched off: it would plan anew for every shape; "
           "flash attention takes no bias), scale 1";
  }
  [[nodiscard]] EndedRows ended_rows() const override { return EndedRows::keep_their_place; }
  [[nodiscard]] std::int64_t best_tokens() const override { return std::int64_t{1} << 40; }
  [[nodiscard]] std::int64_t best_rows() const override { return std::int64_t{1} << 40; }
  [[nodiscard]] Layout lay_out(std::vector<std::int64_t> lengths) const override {
    return padded(std::move(lengths), width_step);
  }

  [[nodiscard]] at::Tensor norm(const at::Tensor& x_MD, const at::Tensor& weight_D) const override {
    const at::Tensor inverse_M1 = x_MD.square().mean(-1, /*keepdim=*/true).add_(config_.layer_norm_epsilon).rsqrt_();
    return (x_MD * inverse_M1).mul_(weight_D).to(placement_.dtype);
  }

  [[nodiscard]] at::Tensor activate(at::Tensor hidden, model::FeedForward kind) const override {
    if (kind == model::FeedForward::relu) return hidden.relu_();
    const std::int64_t width = hidden.size(1) / 2;
    return at::gelu(hidden.narrow(1, 0, width), "tanh").mul_(hidden.narrow(1, width, width));
  }

  [[nodiscard]] PositionBias make_bias(const at::Tensor& table_HW, const Layout& queries, const Layout& keys,
                                       Sight sight) const override {
    const auto options = at::TensorOptions(placement_.device).dtype(placement_.dtype);
    at::Tensor mask_BHSS = padding_mask(keys, options).unsqueeze(1).unsqueeze(1);
    if (table_HW.defined()) {
      const at::Tensor keys_S = at::arange(keys.width, at::TensorOptions(placement_.device).dtype(at::kLong));
      const at::Tensor queries_S = at::arange(queries.width, keys_S.options());
      const at::Tensor places_SS = keys_S.unsqueeze(0) - queries_S.unsqueeze(1) + table_HW.size(1) / 2;
      // Padding stands further apart than the table reaches; what it sees is never read.
      const at::Tensor inside_SS = places_SS.clamp(0, table_HW.size(1) - 1);
      const at::Tensor bias_HSS = table_HW.index_select(1, inside_SS.flatten()).view({-1, queries.width, keys.width});
      mask_BHSS = mask_BHSS + bias_HSS.unsqueeze(0);
    }
    if (sight == Sight::backward) {
      const at::Tensor ahead_SS =
          at::full({queries.width, keys.width}, model::masked_score(placement_.dtype), mask_BHSS.options());
      mask_BHSS = mask_BHSS + ahead_SS.triu(1);
    }
    return {sight, table_HW, mask_BHSS.to(placement_.dtype)};
  }

  [[nodiscard]] at::Tensor attend(const Heads& heads, const Layout& queries, const Layout& keys,
                                  const PositionBias& bias) const override {
    const auto split = [&](const at::Tensor& rows_MI, const Layout& layout) {
      return rows_MI.unflatten(0, {layout.sequences(), layout.width})
          .unflatten(2, {config_.num_heads, config_.d_kv})
          .transpose(1, 2);
    };
    const auto mask = bias.mask_BHSS.expand({queries.sequences(), config_.num_heads, queries.width, keys.width});
    const at::Tensor mixed_BHSK = at::scaled_dot_product_attention(
        split(heads.queries_MI, queries), split(heads.keys_MI, keys), split(heads.values_MI, keys), mask,
        /*dropout_p=*/0, /*is_causal=*/false, /*scale=*/1.0);
    return mixed_BHSK.transpose(1, 2).reshape({queries.rows, config_.inner()});
  }

  [[nodiscard]] std::unique_ptr<HeldStates> hold(const at::Tensor& states_MD, const Layout& layout,
                                                 std::int64_t heads) const override {
    return std::make_unique<TensorStates>(states_MD, layout, heads);
  }

  [[nodiscard]] std::unique_ptr<DecoderCache> make_cache(const DecoderCapacity& capacity,
                                                         const at::Tensor& bias_HT) const override {
    DecoderCapacity rounded = capacity;
    rounded.source_tokens = (capacity.source_tokens + width_step - 1) / width_step * width_step;
    return std::make_unique<TensorCache>(config_, placement_, rounded, bias_HT);
  }

 private:
  /// cuDNN comes first on new GPUs and plans for every exact shape, which costs tens of milliseconds each.
  static void pin_attention() {
    at::globalContext().setSDPUseCuDNN(false);
    at::globalContext().setSDPUseFlash(false);
    at::globalContext().setSDPUseMemEfficient(true);
    at::globalContext().setSDPUseMath(true);
  }

  model::T5Config config_;
  model::Placement placement_;
};

}  // namespace

std::unique_ptr<Backend> make_tensor_backend(const model::T5Config& config, model::Placement placement) {
  return std::make_unique<TensorBackend>(config, placement);
}

}  // namespace westofn::inference
