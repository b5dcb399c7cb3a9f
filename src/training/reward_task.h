// SPDX-License-Identifier: Apache-2.0
// Training of a pointwise reward model as a task: -log sigmoid(r(chosen) - r(rejected)).
#pragma once

#include <span>
#include <vector>

#include "model/reward_model.h"
#include "training/pair_task.h"
#include "training/reward_settings.h"

namespace westofn::training {

/// What is added to plain Bradley-Terry in training.
struct RewardObjective {
  PairLabels labels;
  double margin = 0;
  MarginScale margin_scale = MarginScale::fixed;
  double centring = 0;  ///< see BradleyTerry
};

[[nodiscard]] RewardObjective objective_of(const RewardSettings& settings);

/// Both responses of a pair go through the model in one forward pass.
class RewardTask : public PairTask {
 public:
  /// Refers to the model.
  RewardTask(model::RewardModel& model, Data data, const model::BatchLimits& limits,
             const RewardObjective& objective = {}, const PassSettings& pass = {});

  [[nodiscard]] std::vector<TrainedWeight> weights() override;
  [[nodiscard]] double differentiate(std::span<const std::int64_t> examples, RandomSequence random,
                                     const gradient::GradientSink& sink) override;
  [[nodiscard]] TokenCount tokens(std::span<const std::int64_t> examples) const override;

 protected:
  [[nodiscard]] std::vector<PairScore> judge(std::span<const tokenizer::Tokens> inputs) const override;

 private:
  model::RewardModel& model_;
  gradient::Network network_;
  RewardObjective objective_;
  PassSettings pass_;
};

}  // namespace westofn::training
