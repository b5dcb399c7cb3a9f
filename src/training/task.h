// SPDX-License-Identifier: Apache-2.0
// What a trainer is told about: weights, examples, a loss and a validation score.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/t5.h"
#include "util/philox.h"

namespace westofn::training {

/// One objective on one model. All functions are Local; the same on every rank.
class Task {
 public:
  virtual ~Task() = default;

  /// The weights that are trained, the same tensors at every call. In order of names.
  [[nodiscard]] virtual std::vector<model::Parameter> parameters() = 0;

  /// The examples of a step, the whole global batch in its order; equal for equal steps, whatever came before.
  [[nodiscard]] virtual std::vector<std::int64_t> batch(std::int64_t step) const = 0;

  /// What an example counts in the mean loss: its target tokens for a language model, 1 for a pair.
  [[nodiscard]] virtual double weight(std::int64_t example) const = 0;

  /// The summed loss of a micro-batch, a float32 scalar with gradient. `random` is drawn from (seed, step,
  /// micro-batch).
  [[nodiscard]] virtual at::Tensor loss(std::span<const std::int64_t> examples, RandomSequence random) = 0;

  /// Number of validation portions: fixed batches that ranks share out.
  [[nodiscard]] virtual std::int64_t validation_portions() const = 0;

  /// What one portion adds to validation, without gradients.
  struct Validation {
    double loss = 0;     ///< summed
    double correct = 0;  ///< summed; a tie counts half. Language models leave it 0
    double weight = 0;   ///< of the loss
    double count = 0;    ///< of `correct`
  };
  [[nodiscard]] virtual Validation validate(std::int64_t portion) = 0;

  /// Whether the best checkpoint is that with the highest accuracy, or that with the lowest loss.
  enum class Selection { accuracy, loss };
  [[nodiscard]] virtual Selection selection() const = 0;
};

}  // namespace westofn::training
