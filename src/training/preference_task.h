// SPDX-License-Identifier: Apache-2.0
// Training of the pairwise preference model as a task: cross-entropy on the two label tokens.
#pragma once

#include <span>
#include <vector>

#include "gradient/first_step_pass.h"
#include "model/t5.h"
#include "tokenizer/tokenizer.h"
#include "training/pair_task.h"

namespace westofn::training {

/// The tokens that say which response is better.
struct LabelTokens {
  tokenizer::TokenId first = 0;
  tokenizer::TokenId second = 0;
};

/// In training each pair is shown in one order, drawn at random; validation averages both.
class PreferenceTask : public PairTask {
 public:
  /// Refers to the model.
  PreferenceTask(model::T5& t5, LabelTokens tokens, Data data, const model::BatchLimits& limits,
                 const PairLabels& labels = {}, const PassSettings& pass = {});

  [[nodiscard]] std::vector<TrainedWeight> weights() override;
  [[nodiscard]] double differentiate(std::span<const std::int64_t> examples, RandomSequence random,
                                     const gradient::GradientSink& sink) override;
  /// Of the order with the chosen response first: the other one is as long, but for a token or two.
  [[nodiscard]] TokenCount tokens(std::span<const std::int64_t> examples) const override;

 protected:
  [[nodiscard]] std::vector<PairScore> judge(std::span<const tokenizer::Tokens> inputs) const override;

 private:
  /// The rows of the language-model head of the two labels [2,D].
  [[nodiscard]] at::Tensor label_rows() const;
  /// Log P(first label) - log P(second label) of final decoder states, in the wide type, differentiable.
  [[nodiscard]] at::Tensor log_odds(const at::Tensor& states_BD, const at::Tensor& rows_2D) const;
  /// Hands out the gradients of the head and, of a tied model, adds them to those of the embedding.
  void backward(gradient::FirstStepPass& pass, const at::Tensor& states_gradient, const at::Tensor& rows_gradient,
                const gradient::GradientSink& sink) const;

  model::T5& t5_;
  gradient::Network network_;
  LabelTokens tokens_;
  PairLabels labels_;
  PassSettings pass_;
};

}  // namespace westofn::training
