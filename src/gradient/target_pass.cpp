// SPDX-License-Identifier: Apache-2.0
#include "gradient/target_pass.h"

#include <ATen/ops/zeros_like.h>

#include <utility>

namespace westofn::gradient {

at::Tensor TargetPass::forward(std::span<const tokenizer::Tokens> sources, std::span<const tokenizer::Tokens> targets) {
  const Network& network = context_.network;
  static_cast<void>(encoder_.forward(sources));
  std::vector<tokenizer::Tokens> inputs;
  for (const auto& target : targets) {
    tokenizer::Tokens input = {static_cast<tokenizer::TokenId>(network.config().decoder_start_token_id)};
    input.insert(input.end(), target.begin(), target.end() - 1);
    inputs.push_back(std::move(input));
  }
  rows_ = token_rows(network, inputs);
  bias_HW_ = network.bias_by_position(network.t5().decoder_bias_RH(), rows_.layout.longest(), Sight::backward);
  at::Tensor x_MD = network.embed(rows_.ids_M);
  network.operations().drop(x_MD, rows_.layout, context_.dropout.at(first_decoder_place));
  layers_.resize(network.decoder().size());
  std::uint32_t place = first_decoder_place + 1;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const DecoderMatrices& weights = network.decoder()[i];
    LayerTape& tape = layers_[i];
    for (std::uint32_t* of_block : {&tape.self.place, &tape.cross.place, &tape.feed_forward.place}) {
      *of_block = place;
      place += places_of_block;
    }
    x_MD = self_forward(context_, weights.self, self_setting(), tape.self, x_MD);
    x_MD = cross_forward(context_, weights.cross, cross_setting(), tape.cross, x_MD);
    x_MD = feed_forward_forward(context_, weights.feed_forward, rows_.layout, tape.feed_forward, x_MD);
  }
  final_.place = place;
  return final_norm_forward(context_, network.t5().decoder_norm_D(), rows_.layout, final_, x_MD);
}

void TargetPass::backward(const at::Tensor& states_gradient_MD, at::Tensor embedding_gradient_VD,
                          const GradientSink& sink) {
  const Network& network = context_.network;
  at::Tensor gradient_MD =
      final_norm_backward(context_, network.t5().decoder_norm_D(), rows_.layout, final_, states_gradient_MD, sink);
  const at::Tensor bias_gradient_HW = at::zeros_like(bias_HW_);
  at::Tensor source_gradient_MD =
      at::zeros_like(encoder_.states(), encoder_.states().options().dtype(network.operations().wide()));
  for (std::size_t i = layers_.size(); i-- > 0;) {
    const DecoderMatrices& weights = network.decoder()[i];
    LayerTape& tape = layers_[i];
    feed_forward_backward(context_, weights.feed_forward, rows_.layout, tape.feed_forward, gradient_MD, sink);
    cross_backward(context_, weights.cross, cross_setting(), tape.cross, gradient_MD, source_gradient_MD, sink);
    self_backward(context_, weights.self, self_setting(), tape.self, gradient_MD, bias_gradient_HW, sink);
  }
  sink(network.t5().decoder_bias_RH(),
       network.operations().narrow(network.bias_gradient(bias_gradient_HW, rows_.layout.longest(), Sight::backward)));
  EmbeddingGradient embedding(network, std::move(embedding_gradient_VD));
  network.operations().drop(gradient_MD, rows_.layout, context_.dropout.at(first_decoder_place));
  embedding.add_rows(rows_.ids_M, gradient_MD);
  encoder_.backward(source_gradient_MD, embedding, sink);
  embedding.hand_out(sink);
}

}  // namespace westofn::gradient
