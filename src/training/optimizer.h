// SPDX-License-Identifier: Apache-2.0
// Optimizers as functions of one tensor: nothing but the state of that tensor, so that any rank may own any tensor.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "training/settings.h"

namespace westofn::training {

/// What an optimizer remembers about one tensor, under the names that checkpoints use.
using OptimizerState = std::map<std::string, at::Tensor, std::less<>>;

/// What one update works with.
struct Update {
  at::Tensor gradient;      ///< shape and type of the weights
  std::int64_t number = 1;  ///< of this update, from 1
  double learning_rate = 0;
  double weight_decay = 0;
};

/// Local. The state of a tensor that has not been updated yet.
[[nodiscard]] OptimizerState initial_state(OptimizerKind kind, const at::Tensor& weights);

/// Local. Changes weights (float32 or float64) and state in place.
void update(OptimizerKind kind, const at::Tensor& weights, OptimizerState& state, const Update& update);

}  // namespace westofn::training
