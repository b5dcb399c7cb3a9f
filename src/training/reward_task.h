// SPDX-License-Identifier: Apache-2.0
// Training of a pointwise reward model as a task: -log sigmoid(r(chosen) - r(rejected)).
#pragma once

#include <span>
#include <vector>

#include "model/reward_model.h"
#include "training/pair_task.h"

namespace westofn::training {

/// Both responses of a pair go through the model in one forward pass.
class RewardTask : public PairTask {
 public:
  /// Refers to the model.
  RewardTask(model::RewardModel& model, Data data, const model::BatchLimits& limits);

  [[nodiscard]] std::vector<model::Parameter> parameters() override { return model::parameters(model_); }
  [[nodiscard]] at::Tensor loss(std::span<const std::int64_t> examples, RandomSequence random) override;

 protected:
  [[nodiscard]] std::vector<Verdict> judge(std::span<const tokenizer::Tokens> inputs) const override;

 private:
  /// r(chosen) - r(rejected) [pairs], float32.
  [[nodiscard]] at::Tensor margins(std::span<const tokenizer::Tokens> inputs) const;

  model::RewardModel& model_;
};

}  // namespace westofn::training
