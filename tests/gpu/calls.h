// SPDX-License-Identifier: Apache-2.0
// The calls of the library that the GPU programs compare and time, in one place.
#pragma once

#include <span>
#include <vector>

#include "generation/generate.h"
#include "scoring/scores.h"

namespace westofn::testing {

inline std::vector<std::vector<Sample>> write_samples(const model::T5& t5, const tokenizer::Tokenizer& tokenizer,
                                                      std::span<const generation::PromptInput> prompts,
                                                      const generation::SamplingSettings& settings, std::int64_t rows) {
  return generation::generate(t5, tokenizer, prompts, settings, {rows, [] {}});
}

inline std::vector<double> first_label_probabilities(const model::T5& t5, std::span<const tokenizer::Tokens> inputs,
                                                     const scoring::ScoringRun& run) {
  constexpr tokenizer::TokenId first = 10, second = 23;
  return scoring::label_probabilities(t5, inputs, first, second, run);
}

inline std::vector<double> pointwise_rewards(const model::T5& t5, std::span<const tokenizer::Tokens> inputs,
                                             const scoring::ScoringRun& run) {
  const model::RewardModel reward_model{t5, model::random_head(t5, 5), std::nullopt};
  return scoring::rewards(reward_model, inputs, run);
}

inline std::vector<double> target_log_likelihoods(const model::T5& t5, std::span<const tokenizer::Tokens> inputs,
                                                  std::span<const tokenizer::Tokens> targets,
                                                  const scoring::ScoringRun& run) {
  return scoring::log_likelihoods(t5, inputs, targets, run);
}

}  // namespace westofn::testing
