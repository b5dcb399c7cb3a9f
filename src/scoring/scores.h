// SPDX-License-Identifier: Apache-2.0
// The three scores. The functions on tensors are differentiable and used by training; the functions on lists run on an
// inference engine in fixed batches, so that a score depends on its list and nothing else.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "inference/engine.h"
#include "model/batch.h"
#include "model/reward_model.h"
#include "model/t5.h"
#include "tokenizer/tokenizer.h"

namespace westofn::scoring {

/// Local, differentiable. Log-odds [B], float32, of the first label over the second after one decoder step: the
/// log-softmax over the two label tokens only has P(first) = sigmoid(log-odds).
[[nodiscard]] at::Tensor label_log_odds(const model::T5& model, const model::TokenBatch& inputs,
                                        tokenizer::TokenId first, tokenizer::TokenId second);

/// Local, differentiable. Logits [B,T,V], float32, of every position of targets (ids with their end token) whose
/// earlier tokens the decoder is given.
[[nodiscard]] at::Tensor target_logits(const model::T5& model, const model::TokenBatch& inputs,
                                       const model::TokenBatch& targets);

/// Local, differentiable. Log-likelihoods [B], float32, of targets (ids with their end token): the sum over tokens.
[[nodiscard]] at::Tensor sequence_log_likelihood(const model::T5& model, const model::TokenBatch& inputs,
                                                 const model::TokenBatch& targets);

/// How lists are cut into batches, and what to call between them (heartbeats).
struct ScoringRun {
  model::BatchLimits limits;
  std::function<void()> beat = [] {};
};

/// A pointwise reward model at work.
struct RewardEngine {
  inference::Engine t5;
  model::RewardHead head;
  std::optional<model::ScoreScale> scale;
};

/// Local. Throws DataError if a file is missing or does not fit.
[[nodiscard]] RewardEngine load_reward_engine(const std::string& folder, model::Placement placement);

/// Local. P(first label) of every input, in order.
[[nodiscard]] std::vector<double> label_probabilities(const inference::Engine& engine,
                                                      std::span<const tokenizer::Tokens> inputs,
                                                      tokenizer::TokenId first, tokenizer::TokenId second,
                                                      const ScoringRun& run);

/// Local. Raw rewards of every input, in order.
[[nodiscard]] std::vector<double> rewards(const RewardEngine& model, std::span<const tokenizer::Tokens> inputs,
                                          const ScoringRun& run);

/// Local. Log-likelihoods of targets (with end token) given inputs, in order.
[[nodiscard]] std::vector<double> log_likelihoods(const inference::Engine& engine,
                                                  std::span<const tokenizer::Tokens> inputs,
                                                  std::span<const tokenizer::Tokens> targets, const ScoringRun& run);

/// P(a > b) from both orders: (p_ab + 1 - p_ba_swapped) / 2.
[[nodiscard]] inline double both_orders(double p_ab, double p_ba_swapped) { return (p_ab + 1 - p_ba_swapped) / 2; }

}  // namespace westofn::scoring
