// SPDX-License-Identifier: Apache-2.0
#include "training/preference_task.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/log_sigmoid.h>
#include <ATen/ops/tensor.h>

#include <cmath>
#include <utility>

#include "scoring/scores.h"

namespace westofn::training {
namespace {

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

/// -log sigmoid(x), also where exp(-x) is too large.
double softplus_of_minus(double x) { return x > 0 ? std::log1p(std::exp(-x)) : std::log1p(std::exp(x)) - x; }

}  // namespace

PreferenceTask::PreferenceTask(model::T5& t5, LabelTokens labels, Data data, const model::BatchLimits& limits)
    : PairTask(std::move(data), limits), t5_(t5), labels_(labels) {}

at::Tensor PreferenceTask::loss(std::span<const std::int64_t> examples, RandomSequence random) {
  std::vector<tokenizer::Tokens> inputs;
  std::vector<float> signs;
  for (const std::int64_t example : examples) {
    const bool flipped = random.chance(0.5);
    inputs.push_back(flipped ? training_pair(example).second : training_pair(example).first);
    signs.push_back(flipped ? -1.0F : 1.0F);
  }
  const at::Device device = t5_.placement().device;
  const at::Tensor log_odds_B =
      scoring::label_log_odds(t5_, model::make_batch(inputs, device), labels_.first, labels_.second);
  return -at::log_sigmoid(log_odds_B * at::tensor(signs).to(device)).sum();
}

std::vector<PairTask::Verdict> PreferenceTask::judge(std::span<const tokenizer::Tokens> inputs) const {
  const at::Device device = t5_.placement().device;
  const at::Tensor log_odds =
      scoring::label_log_odds(t5_, model::make_batch(inputs, device), labels_.first, labels_.second)
          .to(at::kCPU, at::kDouble);
  const std::span<const double> odds(log_odds.const_data_ptr<double>(), inputs.size());
  std::vector<Verdict> verdicts;
  for (std::size_t i = 0; i < inputs.size() / 2; ++i) {
    const double chosen_first = odds[i];
    const double chosen_second = odds[i + inputs.size() / 2];
    verdicts.push_back({(softplus_of_minus(chosen_first) + softplus_of_minus(-chosen_second)) / 2,
                        scoring::both_orders(sigmoid(chosen_first), sigmoid(chosen_second)) - 0.5});
  }
  return verdicts;
}

}  // namespace westofn::training
