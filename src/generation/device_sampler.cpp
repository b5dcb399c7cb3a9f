// SPDX-License-Identifier: Apache-2.0
#include "generation/device_sampler.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/gather.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/searchsorted.h>
#include <ATen/ops/sort.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>

#include <cmath>
#include <limits>

#include "util/error.h"

namespace westofn::generation {
namespace {

constexpr double nothing = -std::numeric_limits<double>::infinity();

/// Minus infinity for the end token where it is masked.
at::Tensor mask_end(const at::Tensor& logits_RV, const std::vector<EndToken>& ends, tokenizer::TokenId end_id) {
  std::vector<double> added;
  for (const EndToken end : ends) added.push_back(end == EndToken::masked ? nothing : 0);
  at::Tensor allowed_RV = logits_RV.clone();
  allowed_RV.select(1, end_id).add_(at::tensor(added, at::kDouble).to(logits_RV.device()));
  return allowed_RV;
}

/// Sets the weights to 0 that top-k and then top-p leave out; of equally likely tokens the lower ids stay.
at::Tensor keep_likeliest(const at::Tensor& weights_RV, const SamplingSettings& settings) {
  const std::int64_t vocabulary = weights_RV.size(1);
  const bool cut_k = settings.top_k > 0 && settings.top_k < vocabulary;
  if (!cut_k && settings.top_p >= 1) return weights_RV;
  auto [sorted_RV, ids_RV] = at::sort(weights_RV, /*stable=*/true, 1, /*descending=*/true);
  if (cut_k) sorted_RV.narrow(1, settings.top_k, vocabulary - settings.top_k).zero_();
  if (settings.top_p < 1) {
    const at::Tensor before_RV = sorted_RV.cumsum(1).sub_(sorted_RV);
    const at::Tensor limit_R1 = sorted_RV.sum(1, /*keepdim=*/true).mul_(settings.top_p);
    sorted_RV = sorted_RV.masked_fill(before_RV >= limit_R1, 0);
  }
  return at::zeros_like(weights_RV).scatter_(1, ids_RV, sorted_RV);
}

at::Tensor draw_ids(const at::Tensor& allowed_RV, const std::vector<double>& uniforms,
                    const SamplingSettings& settings) {
  if (settings.temperature == 0) return allowed_RV.argmax(1);
  const at::Tensor above_RV = allowed_RV - allowed_RV.amax({1}, /*keepdim=*/true);
  const at::Tensor weights_RV = keep_likeliest((above_RV / settings.temperature).exp_(), settings);
  const at::Tensor cumulative_RV = weights_RV.cumsum(1);
  const at::Tensor total_R1 = cumulative_RV.narrow(1, cumulative_RV.size(1) - 1, 1);
  const at::Tensor targets_R1 = at::tensor(uniforms, at::kDouble).to(allowed_RV.device()).unsqueeze(1) * total_R1;
  const at::Tensor found_R =
      at::searchsorted(cumulative_RV, targets_R1, /*out_int32=*/false, /*right=*/true).squeeze(1);
  // Rounding must not leave the draw without a token: the last one that can be drawn.
  const at::Tensor numbers_V = at::arange(weights_RV.size(1), found_R.options());
  const at::Tensor last_R = (weights_RV > 0).to(at::kLong).mul_(numbers_V).amax({1});
  return at::minimum(found_R, last_R);
}

}  // namespace

std::vector<Draw> draw_on_device(const DrawInputs& inputs, const SamplingSettings& settings,
                                 tokenizer::TokenId end_id) {
  const at::Tensor logits_RV = inputs.logits_RV.to(at::kDouble);
  const at::Tensor ids_R = draw_ids(mask_end(logits_RV, inputs.end_tokens, end_id), inputs.uniforms, settings);
  const at::Tensor likelihoods_R =
      at::gather(logits_RV, 1, ids_R.unsqueeze(1)).squeeze(1) - at::logsumexp(logits_RV, {1});
  // One transfer for both; token ids are exact in float64.
  const at::Tensor both = at::stack({ids_R.to(at::kDouble), likelihoods_R}).to(at::kCPU).contiguous();
  const auto rows = static_cast<std::size_t>(both.size(1));
  const double* values = both.const_data_ptr<double>();
  std::vector<Draw> draws;
  for (std::size_t r = 0; r < rows; ++r) {
    if (!std::isfinite(values[rows + r])) {
      throw DataError(
          "the policy gives logits that are not finite numbers: its weights are damaged, or too large for this dtype");
    }
    draws.push_back({static_cast<tokenizer::TokenId>(values[r]), values[rows + r]});
  }
  return draws;
}

}  // namespace westofn::generation
