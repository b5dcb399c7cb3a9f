// SPDX-License-Identifier: Apache-2.0
// A random T5 of a few hundred weights, and plain gradient descent on a task.
#pragma once

#include <ATen/core/grad_mode.h>

#include <vector>

#include "model/t5.h"
#include "training/task.h"

namespace westofn::testing {

inline model::T5 tiny_t5() {
  model::T5Config config;
  config.vocab_size = 32;
  config.d_model = 8;
  config.d_kv = 4;
  config.d_ff = 12;
  config.num_layers = 1;
  config.num_decoder_layers = 1;
  config.num_heads = 2;
  return model::T5::random(config, 11, {});
}

/// Sets all weights to 0, so that all scores are equal.
inline void erase_weights(training::Task& task) {
  for (auto& parameter : task.parameters()) parameter.value.zero_();
}

/// Makes some steps against the gradient of the loss of these examples; returns the last loss as a share of the first.
inline double loss_after_descent(training::Task& task, const std::vector<std::int64_t>& examples) {
  const RandomSequence random(Philox("descent", 1, 0, ""));
  auto parameters = task.parameters();
  for (auto& parameter : parameters) parameter.value.requires_grad_(true);
  const double first = task.loss(examples, random).item<double>();
  for (int step = 0; step < 25; ++step) {
    task.loss(examples, random).backward();
    const at::NoGradGuard no_gradients;
    for (auto& parameter : parameters) {
      if (!parameter.value.grad().defined()) continue;
      const double norm = parameter.value.grad().norm().item<double>();
      if (norm > 0) parameter.value.sub_(parameter.value.grad(), 0.1 / (1 + norm));
      parameter.value.mutable_grad().reset();
    }
  }
  return task.loss(examples, random).item<double>() / first;
}

}  // namespace westofn::testing
