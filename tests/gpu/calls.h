// SPDX-License-Identifier: Apache-2.0
// The calls of the library that the GPU programs compare and time, in one place.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "generation/generate.h"
#include "inference/engine.h"
#include "scoring/scores.h"

namespace westofn::testing {

/// A model and the engine that runs it.
struct Subject {
  model::T5 t5;
  inference::Engine engine;
};

/// As the program runs a model where it is placed.
inline Subject subject_of(model::T5 t5) {
  inference::Engine engine(t5);
  return {std::move(t5), std::move(engine)};
}

/// As the program runs a model on a GPU, whatever the device is.
inline Subject subject_on_tensors(model::T5 t5) {
  inference::Engine engine(t5, t5.placement(), inference::Choice::tensors);
  return {std::move(t5), std::move(engine)};
}

inline std::vector<std::vector<Sample>> write_samples(const Subject& subject, const tokenizer::Tokenizer& tokenizer,
                                                      std::span<const generation::PromptInput> prompts,
                                                      const generation::SamplingSettings& settings, std::int64_t rows) {
  return generation::generate(subject.engine, tokenizer, prompts, settings, {rows, [] {}});
}

inline std::vector<double> first_label_probabilities(const Subject& subject, std::span<const tokenizer::Tokens> inputs,
                                                     const scoring::ScoringRun& run) {
  constexpr tokenizer::TokenId first = 10, second = 23;
  return scoring::label_probabilities(subject.engine, inputs, first, second, run);
}

inline std::vector<double> pointwise_rewards(const Subject& subject, std::span<const tokenizer::Tokens> inputs,
                                             const scoring::ScoringRun& run) {
  const scoring::RewardEngine engine{
      inference::Engine(subject.t5, subject.t5.placement(),
                        subject.engine.backend().ended_rows() == inference::EndedRows::keep_their_place
                            ? inference::Choice::tensors
                            : inference::Choice::automatic),
      model::random_head(subject.t5, 5), std::nullopt};
  return scoring::rewards(engine, inputs, run);
}

inline std::vector<double> target_log_likelihoods(const Subject& subject, std::span<const tokenizer::Tokens> inputs,
                                                  std::span<const tokenizer::Tokens> targets,
                                                  const scoring::ScoringRun& run) {
  return scoring::log_likelihoods(subject.engine, inputs, targets, run);
}

}  // namespace westofn::testing
