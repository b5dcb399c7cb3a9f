// SPDX-License-Identifier: Apache-2.0
#include "model/t5.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/triu.h>
#include <ATen/ops/zeros.h>

#include <cmath>

#include "model/layers.h"
#include "model/t5_weights.h"

namespace westofn::model {
namespace {

/// x plus the attention of its norm to itself.
at::Tensor add_self_attention(const at::Tensor& x_BTD, const AttentionWeights& weights, const at::Tensor& bias,
                              const T5Config& config) {
  const at::Tensor normed = rms_norm(x_BTD, weights.norm_D, config.layer_norm_epsilon);
  const auto project = [&](const at::Tensor& weight) {
    return split_heads(at::linear(normed, weight), config.num_heads);
  };
  const at::Tensor mixed = attend({project(weights.q), project(weights.k), project(weights.v), bias});
  return x_BTD + at::linear(merge_heads(mixed), weights.o);
}

/// x plus the attention of its norm to the source.
at::Tensor add_cross_attention(const at::Tensor& x_BTD, const AttentionWeights& weights, const EncoderOutput& source,
                               const T5Config& config) {
  const at::Tensor normed = rms_norm(x_BTD, weights.norm_D, config.layer_norm_epsilon);
  const auto project = [&](const at::Tensor& states, const at::Tensor& weight) {
    return split_heads(at::linear(states, weight), config.num_heads);
  };
  const at::Tensor mixed = attend({project(normed, weights.q), project(source.hidden_BSD, weights.k),
                                   project(source.hidden_BSD, weights.v), source.mask_B11S});
  return x_BTD + at::linear(merge_heads(mixed), weights.o);
}

/// Added to attention scores: 0 at tokens, the lowest finite number at padding.
at::Tensor padding_mask_B11S(const TokenBatch& batch, at::ScalarType dtype) {
  const at::Tensor positions_S = at::arange(batch.ids_BS.size(1), batch.ids_BS.options());
  const at::Tensor padded_BS = positions_S.unsqueeze(0) >= batch.lengths_B.unsqueeze(1);
  const at::Tensor mask_BS = at::zeros(padded_BS.sizes(), padded_BS.options().dtype(wide_type(dtype)));
  return mask_BS.masked_fill(padded_BS, masked_score(dtype)).unsqueeze(1).unsqueeze(1);
}

/// Added to attention scores: the lowest finite number at what is ahead of the query.
at::Tensor causal_mask_TT(std::int64_t tokens, at::ScalarType dtype, at::Device device) {
  return at::full({tokens, tokens}, masked_score(dtype), at::TensorOptions(device).dtype(wide_type(dtype))).triu(1);
}

}  // namespace

std::vector<Parameter> T5::parameters() const {
  T5 handles = *this;
  std::vector<Parameter> parameters;
  for (const WeightSlot& slot : T5Weights::slots(handles)) parameters.push_back({slot.name, *slot.value});
  return parameters;
}

T5 T5::clone() const {
  T5 copy = *this;
  for (const WeightSlot& slot : T5Weights::slots(copy)) *slot.value = slot.value->detach().clone();
  T5Weights::tie(copy);
  return copy;
}

EncoderOutput T5::encode(const TokenBatch& source) const {
  const at::Tensor mask_B11S = padding_mask_B11S(source, placement_.dtype);
  const std::int64_t tokens = source.ids_BS.size(1);
  const at::Tensor bias = relative_bias(encoder_bias_RH_, {0, tokens, tokens}, Direction::both, config_) + mask_B11S;
  at::Tensor x_BSD = at::embedding(embedding_VD_, source.ids_BS);
  for (const EncoderLayer& layer : encoder_) {
    x_BSD = add_self_attention(x_BSD, layer.self, bias, config_);
    x_BSD = add_feed_forward(x_BSD, layer.feed_forward, config_);
  }
  return {rms_norm(x_BSD, encoder_norm_D_, config_.layer_norm_epsilon), mask_B11S};
}

at::Tensor T5::decode(const EncoderOutput& source, const at::Tensor& inputs_BT) const {
  const std::int64_t tokens = inputs_BT.size(1);
  const at::Tensor bias = relative_bias(decoder_bias_RH_, {0, tokens, tokens}, Direction::backward, config_) +
                          causal_mask_TT(tokens, placement_.dtype, placement_.device);
  at::Tensor x_BTD = at::embedding(embedding_VD_, inputs_BT);
  for (const DecoderLayer& layer : decoder_) {
    x_BTD = add_self_attention(x_BTD, layer.self, bias, config_);
    x_BTD = add_cross_attention(x_BTD, layer.cross, source, config_);
    x_BTD = add_feed_forward(x_BTD, layer.feed_forward, config_);
  }
  return rms_norm(x_BTD, decoder_norm_D_, config_.layer_norm_epsilon);
}

at::Tensor T5::first_state(const TokenBatch& source) const {
  const at::Tensor start_B1 =
      at::full({source.ids_BS.size(0), 1}, config_.decoder_start_token_id, source.ids_BS.options());
  return decode(encode(source), start_B1).select(1, 0);
}

at::Tensor T5::logits(const at::Tensor& states) const {
  const bool scaled = config_.scale_decoder_outputs;
  const at::Tensor inputs = scaled ? states * (1 / std::sqrt(static_cast<double>(config_.d_model))) : states;
  return at::linear(inputs, head_VD_).to(wide_type(placement_.dtype));
}

}  // namespace westofn::model
