// SPDX-License-Identifier: Apache-2.0
#include "training/reward_task.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/log_sigmoid.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <utility>

#include "gradient/first_step_pass.h"
#include "training/padding.h"
#include "training/rehearsal.h"

namespace westofn::training {
namespace {

/// The margin of every pair; undefined where there is none.
at::Tensor margins_of(std::span<const PairExample* const> pairs, const RewardObjective& objective,
                      const at::Tensor& like) {
  if (objective.margin == 0) return {};
  std::vector<double> margins;
  for (const PairExample* pair : pairs) {
    const bool fixed = objective.margin_scale == MarginScale::fixed;
    margins.push_back(objective.margin * (fixed ? 1 : std::max(0.0, 2 * pair->confidence - 1)));
  }
  return numbers_like(like, margins);
}

}  // namespace

RewardObjective objective_of(const RewardSettings& settings) {
  const auto kind = settings.soft_labels ? LabelKind::soft : LabelKind::certain;
  return {{kind, settings.train.label_smoothing}, settings.margin, settings.margin_scale, settings.centring};
}

RewardTask::RewardTask(model::RewardModel& model, Data data, const model::BatchLimits& limits,
                       const RewardObjective& objective, const PassSettings& pass)
    : PairTask(std::move(data), limits), model_(model), network_(model.t5), objective_(objective), pass_(pass) {}

std::vector<TrainedWeight> RewardTask::weights() {
  const std::vector<model::Parameter> named = model::parameters(model_);
  return rehearse(named, [&](const gradient::GradientSink& sink) {
    const gradient::DropoutSource no_dropout(0, {});
    gradient::FirstStepPass pass({network_, no_dropout, pass_.keep});
    const at::Tensor states_BD = pass.forward(rehearsal_input());
    sink(model_.head.weight_D, at::zeros_like(model_.head.weight_D));
    sink(model_.head.bias, at::zeros_like(model_.head.bias));
    pass.backward(at::zeros_like(states_BD), {}, sink);
  });
}

double RewardTask::differentiate(std::span<const std::int64_t> examples, RandomSequence random,
                                 const gradient::GradientSink& sink) {
  const at::NoGradGuard no_gradients;
  const std::vector<const PairExample*> pairs = training_pairs(examples);
  const auto count = static_cast<std::int64_t>(pairs.size());
  const gradient::DropoutSource dropout = dropout_source(pass_.dropout, 2 * pairs.size(), random);
  gradient::FirstStepPass pass({network_, dropout, pass_.keep});
  const at::Tensor states_BD = pass.forward(both_inputs(pairs));
  const ObjectiveGradient objective = differentiate_objective(
      {states_BD, model_.head.weight_D, model_.head.bias}, [&](std::span<const at::Tensor> arguments) {
        const at::Tensor rewards_B = model::reward({arguments[1], arguments[2]}, arguments[0]);
        return bradley_terry({rewards_B.slice(0, 0, count), rewards_B.slice(0, count)},
                             {targets_of(pairs, objective_.labels, rewards_B), margins_of(pairs, objective_, rewards_B),
                              objective_.centring});
      });
  sink(model_.head.weight_D, objective.gradients[1]);
  sink(model_.head.bias, objective.gradients[2]);
  pass.backward(objective.gradients[0], {}, sink);
  return objective.value;
}

TokenCount RewardTask::tokens(std::span<const std::int64_t> examples) const {
  std::vector<const tokenizer::Tokens*> rows;
  for (const PairExample* pair : training_pairs(examples)) rows.insert(rows.end(), {&pair->first, &pair->second});
  return count_tokens(network_.operations(), rows);
}

std::vector<PairScore> RewardTask::judge(std::span<const tokenizer::Tokens> inputs) const {
  const gradient::DropoutSource no_dropout(0, {});
  gradient::FirstStepPass pass({network_, no_dropout, gradient::Keep::nothing});
  const at::Tensor rewards_B = model::reward(model_.head, pass.forward(inputs)).to(at::kCPU, at::kDouble);
  const auto count = static_cast<std::int64_t>(inputs.size() / 2);
  const at::Tensor losses_B = -at::log_sigmoid(rewards_B.slice(0, 0, count) - rewards_B.slice(0, count));
  std::vector<PairScore> scores;
  for (std::int64_t i = 0; i < count; ++i) {
    scores.push_back({0, losses_B[i].item<double>(), rewards_B[i].item<double>(), rewards_B[i + count].item<double>()});
  }
  return scores;
}

}  // namespace westofn::training
