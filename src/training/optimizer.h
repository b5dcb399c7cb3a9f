// SPDX-License-Identifier: Apache-2.0
// Optimizers as functions of one tensor: nothing but the state of that tensor, so that any rank may own any tensor.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "training/settings.h"

namespace westofn::training {

/// What an optimizer remembers about one tensor, under the names that checkpoints use.
using OptimizerState = std::map<std::string, at::Tensor, std::less<>>;

/// The constants of AdamW; the defaults are those of torch.optim.
struct AdamSettings {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
};

/// What one update works with.
struct Update {
  at::Tensor gradient;      ///< shape and type of the weights
  std::int64_t number = 1;  ///< of this update, from 1
  double learning_rate = 0;
  double weight_decay = 0;     ///< decoupled: the weights lose this share of them times the rate
  AdamSettings adam{};         ///< not read by Adafactor
  double gradient_factor = 1;  ///< the gradient is multiplied by it first
};

/// Whether a weight of this Hugging Face name decays: not norms, biases and relative attention biases, as in
/// transformers' Trainer.
[[nodiscard]] bool decays(std::string_view name);

/// What a gradient of this norm is multiplied by so that it has at most the norm `limit` (0: no limit), as in torch's
/// clip_grad_norm_.
[[nodiscard]] double clip_factor(double limit, double norm);

/// Local. The state of a tensor that has not been updated yet.
[[nodiscard]] OptimizerState initial_state(OptimizerKind kind, const at::Tensor& weights);

/// Local. Changes weights (float32 or float64) and state in place.
void update(OptimizerKind kind, const at::Tensor& weights, OptimizerState& state, const Update& update);

}  // namespace westofn::training
