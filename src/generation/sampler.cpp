// SPDX-License-Identifier: Apache-2.0
#include "generation/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "util/error.h"

namespace westofn::generation {
namespace {

/// log(sum(exp(logits))) in float64.
double log_sum_exp(std::span<const float> logits_V) {
  const double top = *std::max_element(logits_V.begin(), logits_V.end());
  double sum = 0;
  for (const float logit : logits_V) sum += std::exp(logit - top);
  const double result = top + std::log(sum);
  if (!std::isfinite(result)) {
    throw DataError(
        "the policy gives logits that are not finite numbers: its weights are damaged, or too large for this dtype");
  }
  return result;
}

}  // namespace

Draw Sampler::draw(std::span<const float> logits_V, double uniform, EndToken end) {
  WESTOFN_CHECK(end_id_ >= 0 && static_cast<std::size_t>(end_id_) < logits_V.size(), "no logit for the end token");
  const double normaliser = log_sum_exp(logits_V);
  weigh(logits_V, end);
  keep_likeliest();
  const tokenizer::TokenId token = invert(uniform);
  return {token, logits_V[static_cast<std::size_t>(token)] - normaliser};
}

/// exp(logit / T) for the tokens that are not masked, scaled so that the largest is 1; at temperature 0 only the first
/// of the largest is left.
void Sampler::weigh(std::span<const float> logits_V, EndToken end) {
  const auto masked = end == EndToken::masked ? static_cast<std::size_t>(end_id_) : logits_V.size();
  std::size_t best = masked == 0 ? 1 : 0;
  for (std::size_t id = best + 1; id < logits_V.size(); ++id) {
    if (id != masked && logits_V[id] > logits_V[best]) best = id;
  }
  weights_V_.assign(logits_V.size(), 0.0);
  weights_V_[best] = 1;
  if (settings_.temperature == 0) return;
  const double top = logits_V[best];
  for (std::size_t id = 0; id < logits_V.size(); ++id) {
    if (id != masked) weights_V_[id] = std::exp((logits_V[id] - top) / settings_.temperature);
  }
}

/// Sets the weights to 0 that top-k and then top-p leave out. Equally likely tokens stand in the order of their ids.
void Sampler::keep_likeliest() {
  const bool cut_k = settings_.top_k > 0 && static_cast<std::size_t>(settings_.top_k) < weights_V_.size();
  if (!cut_k && settings_.top_p >= 1) return;
  order_.resize(weights_V_.size());
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  const auto kept = cut_k ? static_cast<std::ptrdiff_t>(settings_.top_k) : std::ssize(order_);
  std::partial_sort(order_.begin(), order_.begin() + kept, order_.end(), [&](std::size_t a, std::size_t b) {
    return weights_V_[a] != weights_V_[b] ? weights_V_[a] > weights_V_[b] : a < b;
  });
  for (auto id = order_.begin() + kept; id != order_.end(); ++id) weights_V_[*id] = 0;
  if (settings_.top_p >= 1) return;
  const double total = std::accumulate(weights_V_.begin(), weights_V_.end(), 0.0);
  double sum = 0;
  for (auto id = order_.begin(); id != order_.begin() + kept; ++id) {
    if (sum >= settings_.top_p * total) weights_V_[*id] = 0;
    sum += weights_V_[*id];
  }
}

tokenizer::TokenId Sampler::invert(double uniform) const {
  const double target = uniform * std::accumulate(weights_V_.begin(), weights_V_.end(), 0.0);
  double sum = 0;
  std::size_t last = 0;
  for (std::size_t id = 0; id < weights_V_.size(); ++id) {
    if (weights_V_[id] == 0) continue;
    sum += weights_V_[id];
    last = id;
    if (sum > target) break;
  }
  return static_cast<tokenizer::TokenId>(last);
}

}  // namespace westofn::generation
