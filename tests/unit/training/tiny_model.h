// SPDX-License-Identifier: Apache-2.0
// A random T5 of a few hundred weights, and plain gradient descent on a task.
#pragma once

#include <ATen/ATen.h>

#include <utility>
#include <vector>

#include "model/t5.h"
#include "training/task.h"

namespace westofn::testing {

inline model::T5 tiny_t5(model::Placement placement = {}) {
  model::T5Config config;
  config.vocab_size = 32;
  config.d_model = 8;
  config.d_kv = 4;
  config.d_ff = 12;
  config.num_layers = 1;
  config.num_decoder_layers = 1;
  config.num_heads = 2;
  return model::T5::random(config, 11, placement);
}

/// Sets all weights to 0, so that all scores are equal.
inline void erase_weights(training::Task& task) {
  for (auto& weight : task.weights()) weight.value.zero_();
}

/// The loss of a micro-batch; gradients go nowhere.
inline double loss_of(training::Task& task, const std::vector<std::int64_t>& examples, RandomSequence random) {
  return task.differentiate(examples, random, [](const at::Tensor&, const at::Tensor&) {});
}

/// Makes some steps against the gradient of the loss of these examples; returns the last loss as a share of the first.
inline double loss_after_descent(training::Task& task, const std::vector<std::int64_t>& examples) {
  const RandomSequence random(Philox("descent", 1, 0, ""));
  const double first = loss_of(task, examples, random);
  for (int step = 0; step < 25; ++step) {
    std::vector<std::pair<at::Tensor, at::Tensor>> changes;
    task.differentiate(examples, random, [&](const at::Tensor& weight, const at::Tensor& gradient) {
      if (gradient.defined()) changes.emplace_back(weight, gradient);
    });
    for (const auto& [weight, gradient] : changes) weight.sub_(gradient, 0.1 / (1 + gradient.norm().item<double>()));
  }
  return loss_of(task, examples, random) / first;
}

}  // namespace westofn::testing
