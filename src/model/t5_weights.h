// SPDX-License-Identifier: Apache-2.0
// The list of all weights of a T5 under their Hugging Face names: what loading, initialising and copying go through.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "model/t5.h"

namespace westofn::model {

/// A weight of a model.
struct WeightSlot {
  std::string name;
  std::vector<std::int64_t> shape;
  double deviation = 0;         ///< of the normal numbers that it starts with; 0: it starts with ones
  at::Tensor* value = nullptr;  ///< in the model
};

class T5Weights {
 public:
  /// Every weight once, in order of names; the lists of layers get their lengths. A tied head is not among them.
  static std::vector<WeightSlot> slots(T5& model);
  /// The same without a model: names, shapes and deviations only.
  static std::vector<WeightSlot> slots_of(const T5Config& config);
  /// A model whose weights are yet to be put into its slots.
  static T5 blank(const T5Config& config, Placement placement);
  /// Makes the head of a tied model its embedding; called when the slots have been filled.
  static void tie(T5& model);
};

}  // namespace westofn::model
