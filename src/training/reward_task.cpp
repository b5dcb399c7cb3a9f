// SPDX-License-Identifier: Apache-2.0
#include "training/reward_task.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/log_sigmoid.h>

#include <utility>

namespace westofn::training {

RewardTask::RewardTask(model::RewardModel& model, Data data, const model::BatchLimits& limits)
    : PairTask(std::move(data), limits), model_(model) {}

at::Tensor RewardTask::margins(std::span<const tokenizer::Tokens> inputs) const {
  const auto pairs = static_cast<std::int64_t>(inputs.size() / 2);
  const at::Tensor rewards_B = model::reward(model_, model::make_batch(inputs, model_.t5.placement().device));
  return rewards_B.slice(0, 0, pairs) - rewards_B.slice(0, pairs);
}

at::Tensor RewardTask::loss(std::span<const std::int64_t> examples, RandomSequence /*random*/) {
  std::vector<const PairExample*> pairs;
  for (const std::int64_t example : examples) pairs.push_back(&training_pair(example));
  return -at::log_sigmoid(margins(both_inputs(pairs))).sum();
}

std::vector<PairTask::Verdict> RewardTask::judge(std::span<const tokenizer::Tokens> inputs) const {
  const at::Tensor margins_B = margins(inputs).to(at::kCPU, at::kDouble);
  const at::Tensor losses_B = -at::log_sigmoid(margins_B);
  std::vector<Verdict> verdicts;
  for (std::int64_t i = 0; i < margins_B.size(0); ++i) {
    verdicts.push_back({losses_B[i].item<double>(), margins_B[i].item<double>()});
  }
  return verdicts;
}

}  // namespace westofn::training
