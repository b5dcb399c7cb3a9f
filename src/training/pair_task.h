// SPDX-License-Identifier: Apache-2.0
// What the tasks of preference and reward models share: pairs, their batches and validation portions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dataset/batch_order.h"
#include "model/batch.h"
#include "training/examples.h"
#include "training/task.h"

namespace westofn::training {

/// Every pair counts 1. Selection: highest accuracy on the validation pairs.
class PairTask : public Task {
 public:
  struct Data {
    std::vector<PairExample> train;
    std::vector<PairExample> validation;
    dataset::BatchOfStep batches;
  };

  [[nodiscard]] std::vector<std::int64_t> batch(std::int64_t step) const override { return data_.batches(step); }
  [[nodiscard]] double weight(std::int64_t /*example*/) const override { return 1; }
  [[nodiscard]] std::int64_t validation_portions() const override;
  [[nodiscard]] Validation validate(std::int64_t portion) override;
  [[nodiscard]] Selection selection() const override { return Selection::accuracy; }

 protected:
  /// `limits` count inputs, of which a pair has two.
  PairTask(Data data, const model::BatchLimits& limits);

  [[nodiscard]] const PairExample& training_pair(std::int64_t example) const {
    return data_.train[static_cast<std::size_t>(example)];
  }

  /// What the model says about one pair.
  struct Verdict {
    double loss = 0;
    double margin = 0;  ///< above 0 if the chosen response is preferred
  };
  /// Verdicts on pairs whose inputs stand one after the other: first inputs, then second ones. Without gradients.
  [[nodiscard]] virtual std::vector<Verdict> judge(std::span<const tokenizer::Tokens> inputs) const = 0;

 private:
  Data data_;
  std::vector<std::vector<std::size_t>> portions_;
};

/// The first inputs of pairs, then their second ones, in one list.
[[nodiscard]] std::vector<tokenizer::Tokens> both_inputs(std::span<const PairExample* const> pairs);

}  // namespace westofn::training
