// SPDX-License-Identifier: Apache-2.0
// Small random models of every kind, and inputs for them.
#pragma once

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>

#include <cstdint>
#include <string>
#include <vector>

#include "model/t5.h"

namespace westofn::testing {

/// Untied, gated, with a decoder deeper than the encoder and heads wider than the model.
inline model::T5Config gated_config() {
  model::T5Config config;
  config.vocab_size = 23;
  config.d_model = 8;
  config.d_kv = 5;
  config.d_ff = 12;
  config.num_layers = 2;
  config.num_decoder_layers = 3;
  config.num_heads = 3;
  config.relative_attention_num_buckets = 8;
  config.relative_attention_max_distance = 20;
  return config;
}

/// Like the first T5: tied, scaled, relu.
inline model::T5Config tied_config() {
  model::T5Config config = gated_config();
  config.feed_forward = model::FeedForward::relu;
  config.tie_word_embeddings = true;
  config.scale_decoder_outputs = true;
  config.decoder_start_token_id = 4;
  return config;
}

inline const model::Placement in_float64{at::kCPU, at::kDouble};

/// Three sources of different lengths; the longest reaches distances that share a bucket.
inline std::vector<tokenizer::Tokens> mixed_sources() {
  tokenizer::Tokens longest;
  for (int i = 0; i < 26; ++i) longest.push_back(2 + (7 * i) % 20);
  return {{5, 9, 1}, longest, {11, 3, 3, 8, 20, 2, 1}};
}

inline double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

inline at::Tensor find_parameter(const model::T5& model, const std::string& name) {
  for (const model::Parameter& parameter : model.parameters()) {
    if (parameter.name == name) return parameter.value;
  }
  return {};
}

}  // namespace westofn::testing
