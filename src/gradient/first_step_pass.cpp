// SPDX-License-Identifier: Apache-2.0
#include "gradient/first_step_pass.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>

#include <utility>

namespace westofn::gradient {
namespace {

constexpr std::uint32_t places_of_layer = 8;
constexpr std::uint32_t self_weight_place = 0;  ///< of the one weight of self-attention, which is 1
constexpr std::uint32_t self_place = 1;
constexpr std::uint32_t cross_weight_place = 2;
constexpr std::uint32_t cross_place = 3;
constexpr std::uint32_t feed_forward_place = 4;

/// [B, H*K] to [H,B,K].
at::Tensor by_head(const at::Tensor& rows_BI, std::int64_t heads) {
  return rows_BI.unflatten(1, {heads, -1}).transpose(0, 1);
}
/// Drops whole heads [B, H*K], in place: what is left of dropout where a query has one key.
void drop_heads(at::Tensor& rows_BI, const Dropout& dropout, std::int64_t heads) {
  if (dropout.is_off()) return;
  std::vector<cpu::Drop> drops;
  for (std::int64_t b = 0; b < rows_BI.size(0); ++b) {
    for (std::int64_t h = 0; h < heads; ++h) drops.push_back(dropout.of(b, h));
  }
  const at::Tensor kept = kept_numbers(drops, {1, 1, 1}, rows_BI.options());
  rows_BI.unflatten(1, {heads, -1}).mul_(kept.view({rows_BI.size(0), heads, 1}));
}

/// The weights [H,S] of the query of sequence b with dropout.
at::Tensor dropped(const at::Tensor& weights_HS, const Dropout& dropout, std::int64_t b) {
  if (dropout.is_off()) return weights_HS;
  std::vector<cpu::Drop> drops;
  for (std::int64_t h = 0; h < weights_HS.size(0); ++h) drops.push_back(dropout.of(b, h));
  const MaskShape shape{1, weights_HS.size(1), weights_HS.size(1)};
  return weights_HS * kept_numbers(drops, shape, weights_HS.options()).squeeze(1);
}

/// [H,B,K] to [B, H*K].
at::Tensor by_row(const at::Tensor& x_HBK) { return x_HBK.transpose(0, 1).flatten(1); }

}  // namespace

at::Tensor FirstStepPass::states_of(std::int64_t sequence, const at::Tensor& rows_MD) const {
  const auto b = static_cast<std::size_t>(sequence);
  return rows_MD.narrow(0, encoder_.layout().begins[b], encoder_.layout().lengths[b]);
}

at::Tensor FirstStepPass::forward(std::span<const tokenizer::Tokens> sources) {
  const Network& network = context_.network;
  static_cast<void>(encoder_.forward(sources));
  rows_ = network.operations().lay_out(std::vector<std::int64_t>(sources.size(), 1));
  start_ids_B_ = at::full({rows_.rows}, network.config().decoder_start_token_id,
                          at::TensorOptions(network.t5().placement().device).dtype(at::kLong));
  at::Tensor x_BD = network.embed(start_ids_B_);
  network.operations().drop(x_BD, rows_, context_.dropout.at(first_decoder_place));
  layers_.resize(network.decoder().size());
  std::uint32_t place = first_decoder_place + 1;
  for (std::size_t i = 0; i < layers_.size(); ++i, place += places_of_layer) {
    const DecoderMatrices& weights = network.decoder()[i];
    layers_[i].place = place;
    layers_[i].feed_forward.place = place + feed_forward_place;
    x_BD = self_forward(weights.self, layers_[i], x_BD);
    x_BD = cross_forward(weights.cross, layers_[i], x_BD);
    x_BD = feed_forward_forward(context_, weights.feed_forward, rows_, layers_[i].feed_forward, x_BD);
  }
  final_.place = place;
  return final_norm_forward(context_, network.t5().decoder_norm_D(), rows_, final_, x_BD);
}

void FirstStepPass::backward(const at::Tensor& states_gradient_BD, at::Tensor embedding_gradient_VD,
                             const GradientSink& sink) {
  const Network& network = context_.network;
  at::Tensor gradient_BD =
      final_norm_backward(context_, network.t5().decoder_norm_D(), rows_, final_, states_gradient_BD, sink);
  at::Tensor source_gradient_MD =
      at::zeros_like(encoder_.states(), encoder_.states().options().dtype(network.operations().wide()));
  for (std::size_t i = layers_.size(); i-- > 0;) {
    const DecoderMatrices& weights = network.decoder()[i];
    feed_forward_backward(context_, weights.feed_forward, rows_, layers_[i].feed_forward, gradient_BD, sink);
    cross_backward(weights.cross, layers_[i], gradient_BD, source_gradient_MD, sink);
    self_backward(weights.self, layers_[i], gradient_BD, sink);
  }
  sink(network.t5().decoder_bias_RH(), {});
  EmbeddingGradient embedding(network, std::move(embedding_gradient_VD));
  network.operations().drop(gradient_BD, rows_, context_.dropout.at(first_decoder_place));
  embedding.add_rows(start_ids_B_, gradient_BD);
  encoder_.backward(source_gradient_MD, embedding, sink);
  embedding.hand_out(sink);
}

at::Tensor FirstStepPass::self_forward(const AttentionMatrices& weights, LayerTape& tape,
                                       const at::Tensor& x_BD) const {
  // A position that is alone attends to itself with weight 1: what comes out is its value.
  const Network& network = context_.network;
  tape.x_BD = x_BD;
  const at::Tensor normed = network.operations().norm(x_BD, weights.parts.norm_D);
  at::Tensor value_BI = at::linear(normed, network.ready(weights.parts.v));
  drop_heads(value_BI, context_.dropout.at(tape.place + self_weight_place), network.config().num_heads);
  at::Tensor out = at::linear(value_BI, network.ready(weights.parts.o));
  network.operations().drop(out, rows_, context_.dropout.at(tape.place + self_place));
  return network.operations().sum(x_BD, out);
}

void FirstStepPass::self_backward(const AttentionMatrices& weights, const LayerTape& tape, at::Tensor& gradient_BD,
                                  const GradientSink& sink) const {
  const Network& network = context_.network;
  const Operations& ops = network.operations();
  const Dropout weight_dropout = context_.dropout.at(tape.place + self_weight_place);
  const at::Tensor normed = ops.norm(tape.x_BD, weights.parts.norm_D);
  at::Tensor value_BI = at::linear(normed, network.ready(weights.parts.v));
  drop_heads(value_BI, weight_dropout, network.config().num_heads);
  at::Tensor added = ops.narrow(gradient_BD).clone();
  ops.drop(added, rows_, context_.dropout.at(tape.place + self_place));
  sink(weights.parts.o, at::mm(added.t(), value_BI));
  at::Tensor value_gradient = at::mm(added, network.ready(weights.parts.o));
  drop_heads(value_gradient, weight_dropout, network.config().num_heads);
  sink(weights.parts.q, {});
  sink(weights.parts.k, {});
  sink(weights.parts.v, at::mm(value_gradient.t(), normed));
  sink(weights.parts.norm_D, ops.norm_gradient(tape.x_BD, weights.parts.norm_D,
                                               at::mm(value_gradient, network.ready(weights.parts.v)), gradient_BD));
}

at::Tensor FirstStepPass::cross_forward(const AttentionMatrices& weights, LayerTape& layer,
                                        const at::Tensor& x_BD) const {
  const Network& network = context_.network;
  const Operations& ops = network.operations();
  const std::int64_t heads = network.config().num_heads;
  const at::Tensor keys_HKD = network.ready(weights.parts.k).unflatten(0, {heads, -1});
  const at::Tensor values_HKD = network.ready(weights.parts.v).unflatten(0, {heads, -1});
  const Dropout dropout = context_.dropout.at(layer.place + cross_weight_place);
  CrossStepTape& tape = layer.cross;
  tape.x_BD = x_BD;
  tape.queries_BI = at::linear(ops.norm(x_BD, weights.parts.norm_D), network.ready(weights.parts.q));
  tape.folded_BHD = at::bmm(by_head(tape.queries_BI, heads), keys_HKD).transpose(0, 1).contiguous();
  std::vector<at::Tensor> mixed;
  tape.weights_HS.clear();
  for (std::int64_t b = 0; b < x_BD.size(0); ++b) {
    const at::Tensor states_SD = states_of(b, encoder_.states());
    const at::Tensor scores_HS = at::mm(tape.folded_BHD[b], states_SD.t()).to(ops.wide());
    tape.weights_HS.push_back(at::softmax(scores_HS, -1));
    mixed.push_back(at::mm(dropped(tape.weights_HS.back(), dropout, b).to(ops.activations()), states_SD));
  }
  tape.mixed_BHD = at::stack(mixed);
  tape.out_BI = by_row(at::bmm(tape.mixed_BHD.transpose(0, 1), values_HKD.transpose(1, 2)));
  at::Tensor out = at::linear(tape.out_BI, network.ready(weights.parts.o));
  ops.drop(out, rows_, context_.dropout.at(layer.place + cross_place));
  return ops.sum(x_BD, out);
}

void FirstStepPass::cross_backward(const AttentionMatrices& weights, LayerTape& layer, at::Tensor& gradient_BD,
                                   at::Tensor& source_gradient_MD, const GradientSink& sink) const {
  const Network& network = context_.network;
  const Operations& ops = network.operations();
  const std::int64_t heads = network.config().num_heads;
  const at::Tensor keys_HKD = network.ready(weights.parts.k).unflatten(0, {heads, -1});
  const at::Tensor values_HKD = network.ready(weights.parts.v).unflatten(0, {heads, -1});
  const Dropout dropout = context_.dropout.at(layer.place + cross_weight_place);
  CrossStepTape& tape = layer.cross;

  at::Tensor added = ops.narrow(gradient_BD).clone();
  ops.drop(added, rows_, context_.dropout.at(layer.place + cross_place));
  sink(weights.parts.o, at::mm(added.t(), tape.out_BI));
  const at::Tensor out_HBK = by_head(at::mm(added, network.ready(weights.parts.o)), heads);
  sink(weights.parts.v, at::bmm(out_HBK.transpose(1, 2), tape.mixed_BHD.transpose(0, 1)).flatten(0, 1));
  const at::Tensor mixed_BHD = at::bmm(out_HBK, values_HKD).transpose(0, 1).contiguous();

  std::vector<at::Tensor> folded;
  for (std::int64_t b = 0; b < gradient_BD.size(0); ++b) {
    const at::Tensor states_SD = states_of(b, encoder_.states());
    const at::Tensor& weights_HS = tape.weights_HS[static_cast<std::size_t>(b)];
    const at::Tensor used_HS = dropped(weights_HS, dropout, b).to(ops.activations());
    const at::Tensor above_HS = dropped(at::mm(mixed_BHD[b], states_SD.t()).to(ops.wide()), dropout, b);
    const at::Tensor slopes_HS =
        ((above_HS - (above_HS * weights_HS).sum(-1, /*keepdim=*/true)) * weights_HS).to(ops.activations());
    folded.push_back(at::mm(slopes_HS, states_SD));
    at::Tensor into = states_of(b, source_gradient_MD);
    into.add_(at::mm(used_HS.t(), mixed_BHD[b]));
    into.add_(at::mm(slopes_HS.t(), tape.folded_BHD[b]));
  }
  const at::Tensor folded_HBD = at::stack(folded).transpose(0, 1);
  sink(weights.parts.k, at::bmm(by_head(tape.queries_BI, heads).transpose(1, 2), folded_HBD).flatten(0, 1));
  const at::Tensor query_gradient = by_row(at::bmm(folded_HBD, keys_HKD.transpose(1, 2)));
  sink(weights.parts.q, at::mm(query_gradient.t(), ops.norm(tape.x_BD, weights.parts.norm_D)));
  sink(weights.parts.norm_D, ops.norm_gradient(tape.x_BD, weights.parts.norm_D,
                                               at::mm(query_gradient, network.ready(weights.parts.q)), gradient_BD));
  tape = {};
}

}  // namespace westofn::gradient
