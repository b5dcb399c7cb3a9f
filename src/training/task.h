// SPDX-License-Identifier: Apache-2.0
// What a trainer is told about: weights, examples, a loss and a validation score.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gradient/network.h"
#include "model/t5.h"
#include "util/philox.h"

namespace westofn::training {

/// The size of some examples, computed at once.
struct TokenCount {
  std::int64_t tokens = 0;    ///< without padding
  std::int64_t computed = 0;  ///< with the padding that the device's operations need
};

/// A weight that is trained.
struct TrainedWeight {
  std::string name;
  at::Tensor value;                             ///< what the model computes with
  std::optional<at::ScalarType> gradient_type;  ///< of a micro-batch; nothing: the objective never uses the weight
};

/// How passes of a model are made in training.
struct PassSettings {
  double dropout = 0;
  gradient::Keep keep = gradient::Keep::activations;
};

/// One objective on one model. All functions are Local; the same on every rank.
class Task {
 public:
  virtual ~Task() = default;

  /// The weights that are trained, the same tensors at every call, in the order in which `differentiate` hands out
  /// their gradients.
  [[nodiscard]] virtual std::vector<TrainedWeight> weights() = 0;

  /// The examples of a step, the whole global batch in its order; equal for equal steps, whatever came before.
  [[nodiscard]] virtual std::vector<std::int64_t> batch(std::int64_t step) const = 0;

  /// What an example counts in the mean loss: its target tokens for a language model, 1 for a pair.
  [[nodiscard]] virtual double weight(std::int64_t example) const = 0;

  /// What messages call an example: its id.
  [[nodiscard]] virtual std::string name(std::int64_t example) const { return std::to_string(example); }

  /// The summed loss of a micro-batch; hands out the gradients of all weights. `random` is drawn from (seed, step,
  /// micro-batch).
  [[nodiscard]] virtual double differentiate(std::span<const std::int64_t> examples, RandomSequence random,
                                             const gradient::GradientSink& sink) = 0;

  /// The tokens that the model reads for a micro-batch of training examples; zeros where nobody counts them.
  [[nodiscard]] virtual TokenCount tokens(std::span<const std::int64_t> /*examples*/) const { return {}; }

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
