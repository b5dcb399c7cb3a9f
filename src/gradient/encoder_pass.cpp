// SPDX-License-Identifier: Apache-2.0
#include "gradient/encoder_pass.h"

#include <ATen/ops/zeros_like.h>

namespace westofn::gradient {
namespace {

/// The place of the input's dropout; layers follow.
constexpr std::uint32_t input_place = 0;

}  // namespace

const at::Tensor& EncoderPass::forward(std::span<const tokenizer::Tokens> sources) {
  const Network& network = context_.network;
  rows_ = token_rows(network, sources);
  bias_HW_ = network.bias_by_position(network.t5().encoder_bias_RH(), rows_.layout.longest(), Sight::all);
  at::Tensor x_MD = network.embed(rows_.ids_M);
  network.operations().drop(x_MD, rows_.layout, context_.dropout.at(input_place));
  layers_.resize(network.encoder().size());
  std::uint32_t place = input_place + 1;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const EncoderMatrices& weights = network.encoder()[i];
    layers_[i].self.place = place;
    layers_[i].feed_forward.place = place + places_of_block;
    place += 2 * places_of_block;
    x_MD = self_forward(context_, weights.self, setting(), layers_[i].self, x_MD);
    x_MD = feed_forward_forward(context_, weights.feed_forward, rows_.layout, layers_[i].feed_forward, x_MD);
  }
  final_.place = place;
  states_MD_ = final_norm_forward(context_, network.t5().encoder_norm_D(), rows_.layout, final_, x_MD);
  return states_MD_;
}

void EncoderPass::backward(const at::Tensor& states_gradient_MD, EmbeddingGradient& embedding,
                           const GradientSink& sink) {
  const Network& network = context_.network;
  at::Tensor gradient_MD = final_norm_backward(context_, network.t5().encoder_norm_D(), rows_.layout, final_,
                                               network.operations().narrow(states_gradient_MD), sink);
  const at::Tensor bias_gradient_HW = at::zeros_like(bias_HW_);
  for (std::size_t i = layers_.size(); i-- > 0;) {
    const EncoderMatrices& weights = network.encoder()[i];
    feed_forward_backward(context_, weights.feed_forward, rows_.layout, layers_[i].feed_forward, gradient_MD, sink);
    self_backward(context_, weights.self, setting(), layers_[i].self, gradient_MD, bias_gradient_HW, sink);
  }
  const at::Tensor table = network.bias_gradient(bias_gradient_HW, rows_.layout.longest(), Sight::all);
  sink(network.t5().encoder_bias_RH(), network.operations().narrow(table));
  network.operations().drop(gradient_MD, rows_.layout, context_.dropout.at(input_place));
  embedding.add_rows(rows_.ids_M, gradient_MD);
}

}  // namespace westofn::gradient
