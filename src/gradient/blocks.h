// SPDX-License-Identifier: Apache-2.0
// The blocks of T5 forward and backward: x + f(norm(x)). A tape is what a block keeps of its forward pass.
//
// Forward functions return the new residual stream. Backward functions take the gradient of the residual stream behind
// the block and turn it into that before it, in place; they hand out the gradients of their weights.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "gradient/network.h"

namespace westofn::gradient {

/// What the blocks of a pass share.
struct BlockContext {
  const Network& network;
  const DropoutSource& dropout;
  Keep keep = Keep::activations;
};

/// Places of dropout: every block has this many numbers of its own.
constexpr std::uint32_t places_of_block = 2;

/// The sequences that attend to themselves, and the bias of all layers.
struct SelfSetting {
  const Layout& layout;
  at::Tensor bias_HW;
  Sight sight = Sight::all;
};

struct SelfTape {
  std::uint32_t place = 0;
  at::Tensor x_MD;
  at::Tensor qkv;
  Attended attended;
};
[[nodiscard]] at::Tensor self_forward(const BlockContext& context, const AttentionMatrices& weights,
                                      const SelfSetting& setting, SelfTape& tape, const at::Tensor& x_MD);
/// Adds to `bias_gradient_HW` by relative position.
void self_backward(const BlockContext& context, const AttentionMatrices& weights, const SelfSetting& setting,
                   SelfTape& tape, at::Tensor& gradient_MD, const at::Tensor& bias_gradient_HW,
                   const GradientSink& sink);

struct CrossTape {
  std::uint32_t place = 0;
  at::Tensor x_MD;
  at::Tensor queries;
  at::Tensor keys_values;
  Attended attended;
};
/// What the decoder's rows look at.
struct CrossSetting {
  const Layout& layout;  ///< of the decoder's rows
  const Layout& source_layout;
  at::Tensor source_MD;  ///< states of the encoder, in the type of activations
};
[[nodiscard]] at::Tensor cross_forward(const BlockContext& context, const AttentionMatrices& weights,
                                       const CrossSetting& setting, CrossTape& tape, const at::Tensor& x_MD);
/// Adds to the gradient of the source (wide).
void cross_backward(const BlockContext& context, const AttentionMatrices& weights, const CrossSetting& setting,
                    CrossTape& tape, at::Tensor& gradient_MD, at::Tensor& source_gradient_MD, const GradientSink& sink);

struct FeedForwardTape {
  std::uint32_t place = 0;
  at::Tensor x_MD;
  at::Tensor hidden;
};
[[nodiscard]] at::Tensor feed_forward_forward(const BlockContext& context, const FeedForwardMatrices& weights,
                                              const Layout& layout, FeedForwardTape& tape, const at::Tensor& x_MD);
void feed_forward_backward(const BlockContext& context, const FeedForwardMatrices& weights, const Layout& layout,
                           FeedForwardTape& tape, at::Tensor& gradient_MD, const GradientSink& sink);

/// The final norm of a stack, with dropout: rows in the type of activations.
struct NormTape {
  std::uint32_t place = 0;
  at::Tensor x_MD;
};
[[nodiscard]] at::Tensor final_norm_forward(const BlockContext& context, const at::Tensor& weight_D,
                                            const Layout& layout, NormTape& tape, const at::Tensor& x_MD);
/// The gradient of the residual stream (wide), from that of the rows (type of activations).
[[nodiscard]] at::Tensor final_norm_backward(const BlockContext& context, const at::Tensor& weight_D,
                                             const Layout& layout, const NormTape& tape, at::Tensor gradient_MD,
                                             const GradientSink& sink);

/// Gradients of the parts of a matrix that stand behind one another.
void hand_out_parts(std::initializer_list<at::Tensor> parts, const at::Tensor& gradient, const GradientSink& sink);

}  // namespace westofn::gradient
