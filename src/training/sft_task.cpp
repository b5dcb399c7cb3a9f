// SPDX-License-Identifier: Apache-2.0
#include "training/sft_task.h"

#include <ATen/core/grad_mode.h>

#include <utility>

#include "scoring/scores.h"

namespace westofn::training {

SftTask::SftTask(model::T5& t5, Data data, const model::BatchLimits& limits) : t5_(t5), data_(std::move(data)) {
  std::vector<std::int64_t> lengths;
  lengths.reserve(data_.validation.size());
  for (const auto& row : data_.validation) {
    lengths.push_back(static_cast<std::int64_t>(row.input.size() + row.target.size()));
  }
  portions_ = model::plan_batches(lengths, limits);
}

double SftTask::weight(std::int64_t example) const {
  return static_cast<double>(data_.train[static_cast<std::size_t>(example)].target.size());
}

at::Tensor SftTask::cross_entropy(const std::vector<const TextExample*>& rows) const {
  std::vector<tokenizer::Tokens> inputs;
  std::vector<tokenizer::Tokens> targets;
  for (const TextExample* row : rows) {
    inputs.push_back(row->input);
    targets.push_back(row->target);
  }
  const at::Device device = t5_.placement().device;
  return -scoring::sequence_log_likelihood(t5_, model::make_batch(inputs, device), model::make_batch(targets, device))
              .sum();
}

at::Tensor SftTask::loss(std::span<const std::int64_t> examples, RandomSequence /*random*/) {
  std::vector<const TextExample*> rows;
  for (const std::int64_t example : examples) rows.push_back(&data_.train[static_cast<std::size_t>(example)]);
  return cross_entropy(rows);
}

std::int64_t SftTask::validation_portions() const { return static_cast<std::int64_t>(portions_.size()); }

Task::Validation SftTask::validate(std::int64_t portion) {
  const at::NoGradGuard no_gradients;
  Validation result;
  std::vector<const TextExample*> rows;
  for (const std::size_t index : portions_[static_cast<std::size_t>(portion)]) {
    rows.push_back(&data_.validation[index]);
    result.weight += static_cast<double>(rows.back()->target.size());
  }
  result.loss = cross_entropy(rows).item<double>();
  return result;
}

}  // namespace westofn::training
