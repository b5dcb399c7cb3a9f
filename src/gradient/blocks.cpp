// SPDX-License-Identifier: Apache-2.0
#include "gradient/blocks.h"

#include <ATen/ops/empty_like.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros_like.h>

#include <utility>

namespace westofn::gradient {
namespace {

/// y = x W^T, backward: by W and by x.
at::Tensor weight_gradient(const at::Tensor& y_gradient, const at::Tensor& x) { return at::mm(y_gradient.t(), x); }
at::Tensor input_gradient(const BlockContext& context, const at::Tensor& y_gradient, const at::Tensor& weight) {
  return at::mm(y_gradient, context.network.ready(weight));
}

/// The gradient of what a block adds to the residual stream, in the type of activations and with its dropout.
at::Tensor added_gradient(const BlockContext& context, const at::Tensor& gradient_MD, const Layout& layout,
                          std::uint32_t place) {
  const Operations& ops = context.network.operations();
  const Dropout dropout = context.dropout.at(place);
  at::Tensor added = ops.narrow(gradient_MD);
  if (dropout.is_off()) return added;
  if (added.is_alias_of(gradient_MD)) added = added.clone();
  ops.drop(added, layout, dropout);
  return added;
}

/// x + dropout(y).
at::Tensor add(const BlockContext& context, const at::Tensor& x_MD, at::Tensor y_MD, const Layout& layout,
               std::uint32_t place) {
  const Operations& ops = context.network.operations();
  ops.drop(y_MD, layout, context.dropout.at(place));
  return ops.sum(x_MD, y_MD);
}

/// What a tape keeps at least.
at::Tensor kept_input(const BlockContext& context, const at::Tensor& x_MD) {
  return context.keep == Keep::nothing ? at::Tensor() : x_MD;
}

Attention self_attention(const BlockContext& context, const SelfSetting& setting, const at::Tensor& qkv,
                         std::uint32_t place) {
  const auto parts = qkv.chunk(3, 1);
  return {parts[0],       parts[1],        parts[2],      setting.layout,
          setting.layout, setting.bias_HW, setting.sight, context.dropout.at(place)};
}

Attention cross_attention(const BlockContext& context, const CrossSetting& setting, const CrossTape& tape) {
  const auto parts = tape.keys_values.chunk(2, 1);
  return {tape.queries,          parts[0], parts[1],   setting.layout,
          setting.source_layout, {},       Sight::all, context.dropout.at(tape.place)};
}

/// Makes what the tape lacks; returns the block's normed input.
at::Tensor fill(const BlockContext& context, const AttentionMatrices& weights, const SelfSetting& setting,
                SelfTape& tape) {
  const Operations& ops = context.network.operations();
  at::Tensor normed = ops.norm(tape.x_MD, weights.parts.norm_D);
  if (!tape.qkv.defined()) {
    tape.qkv = at::linear(normed, context.network.ready(weights.together));
    tape.attended = ops.attend(self_attention(context, setting, tape.qkv, tape.place));
  }
  return normed;
}

at::Tensor fill(const BlockContext& context, const AttentionMatrices& weights, const CrossSetting& setting,
                CrossTape& tape) {
  const Operations& ops = context.network.operations();
  at::Tensor normed = ops.norm(tape.x_MD, weights.parts.norm_D);
  if (!tape.queries.defined()) {
    tape.queries = at::linear(normed, context.network.ready(weights.parts.q));
    tape.keys_values = at::linear(setting.source_MD, context.network.ready(weights.together));
    tape.attended = ops.attend(cross_attention(context, setting, tape));
  }
  return normed;
}

at::Tensor fill(const BlockContext& context, const FeedForwardMatrices& weights, FeedForwardTape& tape) {
  at::Tensor normed = context.network.operations().norm(tape.x_MD, weights.parts.norm_D);
  if (!tape.hidden.defined()) tape.hidden = at::linear(normed, context.network.ready(weights.in));
  return normed;
}

}  // namespace

void hand_out_parts(std::initializer_list<at::Tensor> parts, const at::Tensor& gradient, const GradientSink& sink) {
  std::int64_t row = 0;
  for (const at::Tensor& part : parts) {
    sink(part, gradient.narrow(0, row, part.size(0)));
    row += part.size(0);
  }
}

at::Tensor self_forward(const BlockContext& context, const AttentionMatrices& weights, const SelfSetting& setting,
                        SelfTape& tape, const at::Tensor& x_MD) {
  tape.x_MD = x_MD;
  fill(context, weights, setting, tape);
  at::Tensor out = at::linear(tape.attended.out_MI, context.network.ready(weights.parts.o));
  if (context.keep != Keep::activations) tape = {tape.place, kept_input(context, x_MD), {}, {}};
  return add(context, x_MD, std::move(out), setting.layout, tape.place + 1);
}

void self_backward(const BlockContext& context, const AttentionMatrices& weights, const SelfSetting& setting,
                   SelfTape& tape, at::Tensor& gradient_MD, const at::Tensor& bias_gradient_HW,
                   const GradientSink& sink) {
  const Operations& ops = context.network.operations();
  const at::Tensor normed = fill(context, weights, setting, tape);
  const at::Tensor added = added_gradient(context, gradient_MD, setting.layout, tape.place + 1);
  sink(weights.parts.o, weight_gradient(added, tape.attended.out_MI));
  const at::Tensor mixed_gradient = input_gradient(context, added, weights.parts.o);
  const at::Tensor qkv_gradient = at::empty_like(tape.qkv);
  const auto parts = qkv_gradient.chunk(3, 1);
  ops.attend_gradient(self_attention(context, setting, tape.qkv, tape.place), tape.attended, mixed_gradient,
                      {parts[0], parts[1], parts[2], bias_gradient_HW});
  hand_out_parts({weights.parts.q, weights.parts.k, weights.parts.v}, weight_gradient(qkv_gradient, normed), sink);
  sink(weights.parts.norm_D, ops.norm_gradient(tape.x_MD, weights.parts.norm_D,
                                               input_gradient(context, qkv_gradient, weights.together), gradient_MD));
  tape = {};
}

at::Tensor cross_forward(const BlockContext& context, const AttentionMatrices& weights, const CrossSetting& setting,
                         CrossTape& tape, const at::Tensor& x_MD) {
  tape.x_MD = x_MD;
  fill(context, weights, setting, tape);
  at::Tensor out = at::linear(tape.attended.out_MI, context.network.ready(weights.parts.o));
  if (context.keep != Keep::activations) tape = {tape.place, kept_input(context, x_MD), {}, {}, {}};
  return add(context, x_MD, std::move(out), setting.layout, tape.place + 1);
}

void cross_backward(const BlockContext& context, const AttentionMatrices& weights, const CrossSetting& setting,
                    CrossTape& tape, at::Tensor& gradient_MD, at::Tensor& source_gradient_MD,
                    const GradientSink& sink) {
  const Operations& ops = context.network.operations();
  const at::Tensor normed = fill(context, weights, setting, tape);
  const at::Tensor added = added_gradient(context, gradient_MD, setting.layout, tape.place + 1);
  sink(weights.parts.o, weight_gradient(added, tape.attended.out_MI));
  const at::Tensor mixed_gradient = input_gradient(context, added, weights.parts.o);
  const at::Tensor query_gradient = at::empty_like(tape.queries);
  const at::Tensor source_parts = at::empty_like(tape.keys_values);
  const auto parts = source_parts.chunk(2, 1);
  ops.attend_gradient(cross_attention(context, setting, tape), tape.attended, mixed_gradient,
                      {query_gradient, parts[0], parts[1], {}});
  hand_out_parts({weights.parts.k, weights.parts.v}, weight_gradient(source_parts, setting.source_MD), sink);
  source_gradient_MD.add_(input_gradient(context, source_parts, weights.together));
  sink(weights.parts.q, weight_gradient(query_gradient, normed));
  sink(weights.parts.norm_D, ops.norm_gradient(tape.x_MD, weights.parts.norm_D,
                                               input_gradient(context, query_gradient, weights.parts.q), gradient_MD));
  tape = {};
}

at::Tensor feed_forward_forward(const BlockContext& context, const FeedForwardMatrices& weights, const Layout& layout,
                                FeedForwardTape& tape, const at::Tensor& x_MD) {
  const Operations& ops = context.network.operations();
  tape.x_MD = x_MD;
  fill(context, weights, tape);
  at::Tensor activated = ops.activate(tape.hidden);
  ops.drop(activated, layout, context.dropout.at(tape.place));
  at::Tensor out = at::linear(activated, context.network.ready(weights.parts.wo));
  if (context.keep != Keep::activations) tape = {tape.place, kept_input(context, x_MD), {}};
  return add(context, x_MD, std::move(out), layout, tape.place + 1);
}

void feed_forward_backward(const BlockContext& context, const FeedForwardMatrices& weights, const Layout& layout,
                           FeedForwardTape& tape, at::Tensor& gradient_MD, const GradientSink& sink) {
  const Operations& ops = context.network.operations();
  const Dropout dropout = context.dropout.at(tape.place);
  const at::Tensor normed = fill(context, weights, tape);
  const at::Tensor added = added_gradient(context, gradient_MD, layout, tape.place + 1);
  at::Tensor activated_gradient = input_gradient(context, added, weights.parts.wo);
  ops.drop(activated_gradient, layout, dropout);
  Operations::Activated activated = ops.activate_gradient(tape.hidden, activated_gradient);
  tape.hidden = at::Tensor();
  ops.drop(activated.out_MF, layout, dropout);
  sink(weights.parts.wo, weight_gradient(added, activated.out_MF));
  const at::Tensor in_gradient = weight_gradient(activated.hidden_gradient, normed);
  if (weights.parts.wi_1.defined()) {
    hand_out_parts({weights.parts.wi_0, weights.parts.wi_1}, in_gradient, sink);
  } else {
    sink(weights.parts.wi_0, in_gradient);
  }
  sink(weights.parts.norm_D,
       ops.norm_gradient(tape.x_MD, weights.parts.norm_D,
                         input_gradient(context, activated.hidden_gradient, weights.in), gradient_MD));
  tape = {};
}

at::Tensor final_norm_forward(const BlockContext& context, const at::Tensor& weight_D, const Layout& layout,
                              NormTape& tape, const at::Tensor& x_MD) {
  const Operations& ops = context.network.operations();
  tape.x_MD = x_MD;
  at::Tensor out = ops.norm(x_MD, weight_D);
  ops.drop(out, layout, context.dropout.at(tape.place));
  return out;
}

at::Tensor final_norm_backward(const BlockContext& context, const at::Tensor& weight_D, const Layout& layout,
                               const NormTape& tape, at::Tensor gradient_MD, const GradientSink& sink) {
  const Operations& ops = context.network.operations();
  ops.drop(gradient_MD, layout, context.dropout.at(tape.place));
  at::Tensor x_gradient = at::zeros_like(tape.x_MD);
  sink(weight_D, ops.norm_gradient(tape.x_MD, weight_D, gradient_MD, x_gradient));
  return x_gradient;
}

}  // namespace westofn::gradient
