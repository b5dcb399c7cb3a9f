// SPDX-License-Identifier: Apache-2.0
// Fine-tuning of the policy as a task: cross-entropy of the tokens of good responses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dataset/batch_order.h"
#include "gradient/target_pass.h"
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
    double label_smoothing = 0;  ///< in training
  };
  /// Refers to the model.
  SftTask(model::T5& t5, Data data, const model::BatchLimits& limits, const PassSettings& pass = {});

  [[nodiscard]] std::vector<TrainedWeight> weights() override;
  [[nodiscard]] std::vector<std::int64_t> batch(std::int64_t step) const override { return data_.batches(step); }
  /// Target tokens.
  [[nodiscard]] double weight(std::int64_t example) const override;
  [[nodiscard]] std::string name(std::int64_t example) const override {
    return data_.train[static_cast<std::size_t>(example)].id;
  }
  [[nodiscard]] double differentiate(std::span<const std::int64_t> examples, RandomSequence random,
                                     const gradient::GradientSink& sink) override;
  [[nodiscard]] TokenCount tokens(std::span<const std::int64_t> examples) const override;
  [[nodiscard]] std::int64_t validation_portions() const override;
  [[nodiscard]] Validation validate(std::int64_t portion) override;
  [[nodiscard]] Selection selection() const override { return Selection::loss; }

 private:
  [[nodiscard]] std::vector<const TextExample*> training_rows(std::span<const std::int64_t> examples) const;
  [[nodiscard]] at::Tensor logits(const at::Tensor& states_MD, const at::Tensor& head_VD) const;
  /// The numbers of the rows of a pass that stand for targets, and what they predict.
  struct Predictions {
    at::Tensor rows_P;
    at::Tensor targets_P;
  };
  [[nodiscard]] Predictions predictions(const gradient::TargetPass& pass,
                                        std::span<const tokenizer::Tokens> targets) const;
  /// Calls use(states, targets) for portions of all predictions whose logits fit into memory; the first and the number
  /// of each portion are given too.
  template <class F>
  void for_portions(const at::Tensor& states_MD, const Predictions& predictions, const F& use) const;
  void backward(gradient::TargetPass& pass, const at::Tensor& states_gradient, at::Tensor head_gradient,
                const gradient::GradientSink& sink) const;

  model::T5& t5_;
  gradient::Network network_;
  Data data_;
  PassSettings pass_;
  std::vector<std::vector<std::size_t>> portions_;
};

}  // namespace westofn::training
