// SPDX-License-Identifier: Apache-2.0
// Random T5 models made where they live: T5::random draws on the CPU, which takes minutes for billions of weights.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>

#include "model/t5.h"
#include "model/t5_weights.h"

namespace westofn::testing {

/// Local. Weights with the spread that T5::random gives them, drawn by the generator of the device.
inline model::T5 device_random_t5(const model::T5Config& config, model::Placement placement) {
  model::T5 t5 = model::T5Weights::blank(config, placement);
  const at::TensorOptions options = at::TensorOptions(placement.device).dtype(placement.dtype);
  for (const model::WeightSlot& slot : model::T5Weights::slots(t5)) {
    *slot.value =
        slot.deviation > 0 ? at::empty(slot.shape, options).normal_(0, slot.deviation) : at::ones(slot.shape, options);
  }
  model::T5Weights::tie(t5);
  return t5;
}

/// A T5 v1.1 by its widths; every one has heads of 64 and as many decoder as encoder layers.
inline model::T5Config v1_1_config(std::int64_t d_model, std::int64_t d_ff, std::int64_t layers, std::int64_t heads) {
  model::T5Config config;
  config.vocab_size = 32128;
  config.d_model = d_model;
  config.d_kv = 64;
  config.d_ff = d_ff;
  config.num_layers = config.num_decoder_layers = layers;
  config.num_heads = heads;
  return config;
}

}  // namespace westofn::testing
