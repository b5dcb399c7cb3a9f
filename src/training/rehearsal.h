// SPDX-License-Identifier: Apache-2.0
// What tasks on a T5 do alike: the order of gradients, seeds of dropout, and objectives on what a pass returns.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "gradient/dropout.h"
#include "model/t5.h"
#include "training/task.h"
#include "util/philox.h"

namespace westofn::training {

/// Runs a pass once to learn in which order and of which types gradients are handed out.
[[nodiscard]] std::vector<TrainedWeight> rehearse(std::span<const model::Parameter> named,
                                                  const std::function<void(const gradient::GradientSink&)>& pass);

/// The shortest input that a pass can be made with.
[[nodiscard]] std::vector<tokenizer::Tokens> rehearsal_input();

/// The masks of a micro-batch of so many sequences.
[[nodiscard]] gradient::DropoutSource dropout_source(double rate, std::size_t sequences, RandomSequence& random);

/// The value of an objective and its gradients by its arguments.
struct ObjectiveGradient {
  double value = 0;
  std::vector<at::Tensor> gradients;
};

/// Differentiates f, a scalar, automatically: for the small part of a model behind its passes.
[[nodiscard]] ObjectiveGradient differentiate_objective(
    std::vector<at::Tensor> arguments, const std::function<at::Tensor(std::span<const at::Tensor>)>& f);

}  // namespace westofn::training
