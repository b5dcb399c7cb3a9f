// SPDX-License-Identifier: Apache-2.0
// Fine-tuning of the policy as a task: cross-entropy of the tokens of good responses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dataset/batch_order.h"
#include "model/batch.h"
#include "model/t5.h"
#include "training/examples.h"
#include "training/task.h"

namespace westofn::training {

/// Selection: lowest loss a token on the validation examples.
class SftTask : public Task {
 public:
  struct Data {
    std::vector<TextExample> train;
    std::vector<TextExample> validation;
    dataset::BatchOfStep batches;
  };
  /// Refers to the model.
  SftTask(model::T5& t5, Data data, const model::BatchLimits& limits);

  [[nodiscard]] std::vector<model::Parameter> parameters() override { return t5_.parameters(); }
  [[nodiscard]] std::vector<std::int64_t> batch(std::int64_t step) const override { return data_.batches(step); }
  /// Target tokens.
  [[nodiscard]] double weight(std::int64_t example) const override;
  [[nodiscard]] at::Tensor loss(std::span<const std::int64_t> examples, RandomSequence random) override;
  [[nodiscard]] std::int64_t validation_portions() const override;
  [[nodiscard]] Validation validate(std::int64_t portion) override;
  [[nodiscard]] Selection selection() const override { return Selection::loss; }

 private:
  /// The summed cross-entropy of the rows.
  [[nodiscard]] at::Tensor cross_entropy(const std::vector<const TextExample*>& rows) const;

  model::T5& t5_;
  Data data_;
  std::vector<std::vector<std::size_t>> portions_;
};

}  // namespace westofn::training
