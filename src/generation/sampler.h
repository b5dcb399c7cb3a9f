// SPDX-License-Identifier: Apache-2.0
// Drawing one token: logits and a uniform number in, a token and its log-likelihood out. Pure, without tensors.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tokenizer/tokenizer.h"

namespace westofn::generation {

/// How samples are drawn.
struct SamplingSettings {
  std::int64_t n = 64;                ///< samples for each prompt
  std::int64_t first_sample = 0;      ///< number of the first one: the others of the same pool need not be drawn
  double temperature = 0.7;           ///< 0: always the likeliest token
  std::int64_t top_k = 0;             ///< 0: all tokens
  double top_p = 1;                   ///< 1: all tokens
  std::int64_t max_new_tokens = 128;  ///< the end token included
  std::int64_t min_new_tokens = 0;    ///< the end token is masked while fewer tokens are written
  std::uint64_t seed = 1;
  std::uint64_t round = 0;
  std::string purpose = "sample";
};

/// A token that was drawn.
struct Draw {
  tokenizer::TokenId token = 0;
  double log_likelihood = 0;  ///< log-softmax of all logits at temperature 1, nats
};

/// Whether the end token may be drawn; no other token is ever masked.
enum class EndToken { allowed, masked };

/// Draws tokens for one set of settings. Keeps working memory: one object a thread.
class Sampler {
 public:
  Sampler(const SamplingSettings& settings, tokenizer::TokenId end_id) : settings_(settings), end_id_(end_id) {}

  /// The first id whose cumulative probability, summed in float64 in the order of ids over softmax(logits / T) of the
  /// tokens that are left by mask, top-k and top-p, is above `uniform` (in [0, 1)). Exponentials are taken in float32.
  /// Temperature 0: the id with the largest logit, the lowest one on ties. Throws DataError if a logit is not finite.
  [[nodiscard]] Draw draw(std::span<const float> logits_V, double uniform, EndToken end);

 private:
  void weigh(std::span<const float> logits_V, float top, EndToken end);
  [[nodiscard]] bool cuts(std::size_t vocabulary) const;
  [[nodiscard]] std::span<const float> block_weights(std::span<const float> logits_V, std::size_t number);
  void keep_likeliest(std::span<const float> logits_V);
  [[nodiscard]] std::vector<std::uint32_t> candidates() const;
  void keep_only(std::span<const std::uint32_t> ids);
  [[nodiscard]] tokenizer::TokenId invert(std::span<const float> logits_V, double uniform);

  SamplingSettings settings_;
  tokenizer::TokenId end_id_;
  // Of the current draw:
  double normaliser_ = 0;  ///< log of the sum of exp(logit)
  float allowed_top_ = 0;  ///< the largest logit that is not masked
  float inverse_temperature_ = 1;
  std::size_t masked_ = 0;            ///< id, or the size of the vocabulary
  std::vector<double> block_sums_;    ///< of the weights of each cpu::weighing_block ids
  std::vector<float> weights_V_;      ///< not normalised, 0 where a token cannot be drawn; only where tokens are cut
  std::vector<float> block_weights_;  ///< of one block, else
};

}  // namespace westofn::generation
