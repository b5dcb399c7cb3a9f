// SPDX-License-Identifier: Apache-2.0
#include "training/pair_task.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <utility>

#include "metrics/accuracy.h"

namespace westofn::training {

PairTask::PairTask(Data data, const model::BatchLimits& limits) : data_(std::move(data)) {
  const model::BatchLimits of_pairs{std::max<std::int64_t>(limits.max_rows / 2, 1),
                                    std::max<std::int64_t>(limits.max_tokens / 2, 1)};
  portions_ = model::plan_batches(lengths_of(data_.validation), of_pairs);
}

std::int64_t PairTask::validation_portions() const { return static_cast<std::int64_t>(portions_.size()); }

std::vector<PairScore> PairTask::score(std::int64_t portion) const {
  const at::NoGradGuard no_gradients;
  const auto& indices = portions_[static_cast<std::size_t>(portion)];
  std::vector<const PairExample*> pairs;
  for (const std::size_t index : indices) pairs.push_back(&data_.validation[index]);
  std::vector<PairScore> scores = judge(both_inputs(pairs));
  for (std::size_t i = 0; i < scores.size(); ++i) scores[i].pair = indices[i];
  return scores;
}

Task::Validation PairTask::validate(std::int64_t portion) {
  Validation result;
  for (const PairScore& verdict : score(portion)) {
    // Where a score is not a number, the pair counts as wrong.
    const double outcome = metrics::outcome(verdict.chosen, verdict.rejected);
    result.loss += verdict.loss;
    result.correct += outcome > 0 ? outcome : 0;
    ++result.count;
  }
  result.weight = result.count;
  return result;
}

std::vector<const PairExample*> PairTask::training_pairs(std::span<const std::int64_t> examples) const {
  std::vector<const PairExample*> pairs;
  for (const std::int64_t example : examples) pairs.push_back(&training_pair(example));
  return pairs;
}

std::vector<tokenizer::Tokens> both_inputs(std::span<const PairExample* const> pairs) {
  std::vector<tokenizer::Tokens> inputs;
  inputs.reserve(2 * pairs.size());
  for (const PairExample* pair : pairs) inputs.push_back(pair->first);
  for (const PairExample* pair : pairs) inputs.push_back(pair->second);
  return inputs;
}

at::Tensor numbers_like(const at::Tensor& like, std::span<const double> numbers) {
  return at::tensor(at::ArrayRef<double>(numbers.data(), numbers.size()), at::kDouble).to(like.options());
}

PairTargets targets_of(std::span<const PairExample* const> pairs, const PairLabels& labels, const at::Tensor& like) {
  PairTargets targets{{}, labels.smoothing};
  if (labels.kind == LabelKind::certain) return targets;
  std::vector<double> confidences;
  for (const PairExample* pair : pairs) confidences.push_back(pair->confidence);
  targets.probabilities_B = numbers_like(like, confidences);
  return targets;
}

}  // namespace westofn::training
