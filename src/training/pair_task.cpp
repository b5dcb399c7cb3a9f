// SPDX-License-Identifier: Apache-2.0
#include "training/pair_task.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <utility>

namespace westofn::training {

PairTask::PairTask(Data data, const model::BatchLimits& limits) : data_(std::move(data)) {
  std::vector<std::int64_t> lengths;
  lengths.reserve(data_.validation.size());
  for (const auto& pair : data_.validation) {
    lengths.push_back(static_cast<std::int64_t>(std::max(pair.first.size(), pair.second.size())));
  }
  const model::BatchLimits of_pairs{std::max<std::int64_t>(limits.max_rows / 2, 1),
                                    std::max<std::int64_t>(limits.max_tokens / 2, 1)};
  portions_ = model::plan_batches(lengths, of_pairs);
}

std::int64_t PairTask::validation_portions() const { return static_cast<std::int64_t>(portions_.size()); }

Task::Validation PairTask::validate(std::int64_t portion) {
  const at::NoGradGuard no_gradients;
  std::vector<const PairExample*> pairs;
  for (const std::size_t index : portions_[static_cast<std::size_t>(portion)]) {
    pairs.push_back(&data_.validation[index]);
  }
  Validation result;
  for (const Verdict& verdict : judge(both_inputs(pairs))) {
    result.loss += verdict.loss;
    result.correct += verdict.margin > 0 ? 1.0 : verdict.margin == 0 ? 0.5 : 0.0;
  }
  result.weight = result.count = static_cast<double>(pairs.size());
  return result;
}

std::vector<tokenizer::Tokens> both_inputs(std::span<const PairExample* const> pairs) {
  std::vector<tokenizer::Tokens> inputs;
  inputs.reserve(2 * pairs.size());
  for (const PairExample* pair : pairs) inputs.push_back(pair->first);
  for (const PairExample* pair : pairs) inputs.push_back(pair->second);
  return inputs;
}

}  // namespace westofn::training
