// SPDX-License-Identifier: Apache-2.0
// T5 v1.1 XXL, the model of the paper: what the hand arithmetic of the tests is about.
#pragma once

#include "model/runtime.h"
#include "model/t5_config.h"

namespace westofn::testing {

inline model::T5Config xxl() {
  model::T5Config config;
  config.vocab_size = 32128;
  config.d_model = 4096;
  config.d_kv = 64;
  config.d_ff = 10240;
  config.num_layers = 24;
  config.num_decoder_layers = 24;
  config.num_heads = 64;
  return config;
}

inline model::RuntimeSettings bfloat16_on_gpu() {
  model::RuntimeSettings runtime;
  runtime.device = model::DeviceChoice::cuda;
  runtime.dtype = model::ComputeType::bfloat16;
  return runtime;
}

}  // namespace westofn::testing
