// SPDX-License-Identifier: Apache-2.0
#include "generation/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "cpu/kernels.h"
#include "util/error.h"

namespace westofn::generation {
namespace {

constexpr auto block = static_cast<std::size_t>(cpu::weighing_block);

std::size_t first_largest(std::span<const float> logits_V, std::size_t masked) {
  std::size_t best = masked == 0 ? 1 : 0;
  for (std::size_t id = best + 1; id < logits_V.size(); ++id) {
    if (id != masked && logits_V[id] > logits_V[best]) best = id;
  }
  return best;
}

float largest(std::span<const float> logits_V) {
  if (logits_V.empty()) return -std::numeric_limits<float>::infinity();
  return cpu::best_kernels().largest(logits_V.data(), static_cast<std::int64_t>(logits_V.size()));
}

double sum_of(std::span<const float> weights) { return std::accumulate(weights.begin(), weights.end(), 0.0); }

}  // namespace

Draw Sampler::draw(std::span<const float> logits_V, double uniform, EndToken end) {
  WESTOFN_CHECK(end_id_ >= 0 && static_cast<std::size_t>(end_id_) < logits_V.size(), "no logit for the end token");
  const float top = largest(logits_V);
  if (!std::isfinite(top)) {
    throw DataError(
        "the policy gives logits that are not finite numbers: its weights are damaged, or too large for this dtype");
  }
  tokenizer::TokenId token = 0;
  if (settings_.temperature == 0) {
    const auto masked = end == EndToken::masked ? static_cast<std::size_t>(end_id_) : logits_V.size();
    token = static_cast<tokenizer::TokenId>(first_largest(logits_V, masked));
    const double sum = cpu::best_kernels().sum_exp(logits_V.data(), static_cast<std::int64_t>(logits_V.size()), top);
    normaliser_ = static_cast<double>(top) + std::log(sum);
  } else {
    weigh(logits_V, top, end);
    keep_likeliest(logits_V);
    token = invert(logits_V, uniform);
  }
  return {token, static_cast<double>(logits_V[static_cast<std::size_t>(token)]) - normaliser_};
}

/// Sums of exp(logit / T) over blocks of the tokens that are not masked, scaled so that the largest is 1; the weights
/// themselves only where tokens are cut; and the normaliser.
void Sampler::weigh(std::span<const float> logits_V, float top, EndToken end) {
  const auto end_at = static_cast<std::size_t>(end_id_);
  const bool masked = end == EndToken::masked;
  allowed_top_ = masked ? std::max(largest(logits_V.first(end_at)), largest(logits_V.subspan(end_at + 1))) : top;
  inverse_temperature_ = static_cast<float>(std::min(1 / settings_.temperature, 1e30));
  block_sums_.resize((logits_V.size() + block - 1) / block);
  weights_V_.resize(cuts(logits_V.size()) ? logits_V.size() : 0);
  const double sum = cpu::best_kernels().weigh({logits_V.data(), static_cast<std::int64_t>(logits_V.size()), top,
                                                allowed_top_, inverse_temperature_,
                                                weights_V_.empty() ? nullptr : weights_V_.data(), block_sums_.data()});
  normaliser_ = static_cast<double>(top) + std::log(sum);
  masked_ = masked ? end_at : logits_V.size();
  if (!masked) return;
  if (!weights_V_.empty()) weights_V_[end_at] = 0;
  block_sums_[end_at / block] = sum_of(block_weights(logits_V, end_at / block));
}

bool Sampler::cuts(std::size_t vocabulary) const {
  return settings_.top_p < 1 || (settings_.top_k > 0 && static_cast<std::size_t>(settings_.top_k) < vocabulary);
}

/// The weights of one block of ids, 0 for what is masked or cut.
std::span<const float> Sampler::block_weights(std::span<const float> logits_V, std::size_t number) {
  const std::size_t first = number * block;
  const std::size_t count = std::min(block, logits_V.size() - first);
  if (!weights_V_.empty()) return std::span(weights_V_).subspan(first, count);
  block_weights_.resize(block);
  double sum = 0;
  static_cast<void>(cpu::best_kernels().weigh({logits_V.data() + first, static_cast<std::int64_t>(count), allowed_top_,
                                               allowed_top_, inverse_temperature_, block_weights_.data(), &sum}));
  if (masked_ >= first && masked_ < first + count) block_weights_[masked_ - first] = 0;
  return std::span(block_weights_).first(count);
}

/// The ids that top-k and top-p can leave: all others together have less than the share that top-p may lose.
std::vector<std::uint32_t> Sampler::candidates() const {
  const double total = std::accumulate(block_sums_.begin(), block_sums_.end(), 0.0);
  const double lost = settings_.top_k > 0 ? 0 : (1 - settings_.top_p) * total;
  const double least = lost / (2 * static_cast<double>(weights_V_.size()));
  std::vector<std::uint32_t> ids;
  for (std::size_t id = 0; id < weights_V_.size(); ++id) {
    if (weights_V_[id] > 0 && static_cast<double>(weights_V_[id]) >= least)
      ids.push_back(static_cast<std::uint32_t>(id));
  }
  return ids;
}

/// Sets the weights to 0 that top-k and then top-p leave out. Equally likely tokens stand in the order of their ids.
void Sampler::keep_likeliest(std::span<const float> logits_V) {
  if (!cuts(logits_V.size())) return;
  const bool cut_k = settings_.top_k > 0 && static_cast<std::size_t>(settings_.top_k) < weights_V_.size();
  std::vector<std::uint32_t> ids = candidates();
  const auto kept = cut_k ? std::min(static_cast<std::ptrdiff_t>(settings_.top_k), std::ssize(ids)) : std::ssize(ids);
  const auto likelier = [&](std::uint32_t a, std::uint32_t b) {
    return logits_V[a] != logits_V[b] ? logits_V[a] > logits_V[b] : a < b;
  };
  std::partial_sort(ids.begin(), ids.begin() + kept, ids.end(), likelier);
  ids.resize(static_cast<std::size_t>(kept));
  if (settings_.top_p < 1) {
    double total = 0;
    if (cut_k) {
      for (const auto id : ids) total += static_cast<double>(weights_V_[id]);
    } else {
      total = std::accumulate(block_sums_.begin(), block_sums_.end(), 0.0);
    }
    std::size_t count = 0;
    for (double sum = 0; count < ids.size() && (count == 0 || sum < settings_.top_p * total); ++count) {
      sum += static_cast<double>(weights_V_[ids[count]]);
    }
    ids.resize(count);
  }
  keep_only(ids);
}

void Sampler::keep_only(std::span<const std::uint32_t> ids) {
  std::vector<std::pair<std::uint32_t, float>> kept;
  for (const auto id : ids) kept.emplace_back(id, weights_V_[id]);
  std::sort(kept.begin(), kept.end());
  std::fill(weights_V_.begin(), weights_V_.end(), 0.0F);
  std::fill(block_sums_.begin(), block_sums_.end(), 0.0);
  for (const auto& [id, weight] : kept) {
    weights_V_[id] = weight;
    block_sums_[id / block] += static_cast<double>(weight);
  }
}

tokenizer::TokenId Sampler::invert(std::span<const float> logits_V, double uniform) {
  const double target = uniform * std::accumulate(block_sums_.begin(), block_sums_.end(), 0.0);
  // Rounding must not leave the draw without a token: the last one that can be drawn.
  std::size_t last_block = 0;
  double before = 0;
  double sum = 0;
  for (std::size_t b = 0; b < block_sums_.size(); ++b) {
    if (block_sums_[b] <= 0) continue;
    last_block = b;
    before = sum;
    sum += block_sums_[b];
    if (sum > target) break;
  }
  const std::span<const float> weights = block_weights(logits_V, last_block);
  std::size_t last = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] <= 0) continue;
    before += static_cast<double>(weights[i]);
    last = i;
    if (before > target) break;
  }
  return static_cast<tokenizer::TokenId>(last_block * block + last);
}

}  // namespace westofn::generation
