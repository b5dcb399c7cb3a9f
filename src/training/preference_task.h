// SPDX-License-Identifier: Apache-2.0
// Training of the pairwise preference model as a task: cross-entropy on the two label tokens.
#pragma once

#include <span>
#include <vector>

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
  PreferenceTask(model::T5& t5, LabelTokens labels, Data data, const model::BatchLimits& limits);

  [[nodiscard]] std::vector<model::Parameter> parameters() override { return t5_.parameters(); }
  [[nodiscard]] at::Tensor loss(std::span<const std::int64_t> examples, RandomSequence random) override;

 protected:
  [[nodiscard]] std::vector<Verdict> judge(std::span<const tokenizer::Tokens> inputs) const override;

 private:
  model::T5& t5_;
  LabelTokens labels_;
};

}  // namespace westofn::training
