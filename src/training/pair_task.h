// SPDX-License-Identifier: Apache-2.0
// What the tasks of preference and reward models share: pairs, their labels, batches and validation portions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dataset/batch_order.h"
#include "model/batch.h"
#include "training/examples.h"
#include "training/objectives.h"
#include "training/task.h"

namespace westofn::training {

/// Whether a label counts as certain, or only as likely as the confidence of its pair says.
enum class LabelKind { certain, soft };

/// How the labels of training pairs are read.
struct PairLabels {
  LabelKind kind = LabelKind::certain;
  double smoothing = 0;  ///< see PairTargets
};

/// What the model says about a validation pair.
struct PairScore {
  std::size_t pair = 0;  ///< its number among the validation pairs
  double loss = 0;       ///< of the certain label, without margin and centring
  double chosen = 0;     ///< reward; of a preference model P(chosen > rejected), both orders averaged
  double rejected = 0;   ///< reward; 1 - P
};

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
  [[nodiscard]] std::string name(std::int64_t example) const override { return training_pair(example).id; }
  [[nodiscard]] std::int64_t validation_portions() const override;
  [[nodiscard]] Validation validate(std::int64_t portion) override;
  [[nodiscard]] Selection selection() const override { return Selection::accuracy; }

  [[nodiscard]] std::size_t validation_pairs() const { return data_.validation.size(); }
  /// The pairs of a portion, without gradients.
  [[nodiscard]] std::vector<PairScore> score(std::int64_t portion) const;

 protected:
  /// `limits` count inputs, of which a pair has two.
  PairTask(Data data, const model::BatchLimits& limits);

  [[nodiscard]] const PairExample& training_pair(std::int64_t example) const {
    return data_.train[static_cast<std::size_t>(example)];
  }
  [[nodiscard]] std::vector<const PairExample*> training_pairs(std::span<const std::int64_t> examples) const;

  /// The scores of pairs whose inputs stand one after the other: first inputs, then second ones. Without gradients;
  /// `pair` is left 0.
  [[nodiscard]] virtual std::vector<PairScore> judge(std::span<const tokenizer::Tokens> inputs) const = 0;

 private:
  Data data_;
  std::vector<std::vector<std::size_t>> portions_;
};

/// The first inputs of pairs, then their second ones, in one list.
[[nodiscard]] std::vector<tokenizer::Tokens> both_inputs(std::span<const PairExample* const> pairs);

/// The targets of pairs, in the type and on the device of `like`.
[[nodiscard]] PairTargets targets_of(std::span<const PairExample* const> pairs, const PairLabels& labels,
                                     const at::Tensor& like);

/// One number for each pair, in the type and on the device of `like`.
[[nodiscard]] at::Tensor numbers_like(const at::Tensor& like, std::span<const double> numbers);

}  // namespace westofn::training
