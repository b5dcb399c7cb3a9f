// SPDX-License-Identifier: Apache-2.0
// The encoder forward and backward.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <vector>

#include "gradient/blocks.h"

namespace westofn::gradient {

/// The dropout places of a decoder begin here; the encoder's are below.
constexpr std::uint32_t first_decoder_place = 1U << 16U;

/// One forward pass and one backward pass. Refers to what the context refers to.
class EncoderPass {
 public:
  explicit EncoderPass(const BlockContext& context) : context_(context) {}

  /// Final-normed states [M,D] in the type of activations.
  [[nodiscard]] const at::Tensor& forward(std::span<const tokenizer::Tokens> sources);
  /// From the gradient by the states (wide). The encoder's embedding rows go to `embedding`.
  void backward(const at::Tensor& states_gradient_MD, EmbeddingGradient& embedding, const GradientSink& sink);

  [[nodiscard]] const Layout& layout() const { return rows_.layout; }
  [[nodiscard]] const at::Tensor& states() const { return states_MD_; }

 private:
  struct LayerTape {
    SelfTape self;
    FeedForwardTape feed_forward;
  };
  [[nodiscard]] SelfSetting setting() const { return {rows_.layout, bias_HW_, Sight::all}; }

  BlockContext context_;
  TokenRows rows_;
  at::Tensor bias_HW_;
  std::vector<LayerTape> layers_;
  NormTape final_;
  at::Tensor states_MD_;
};

}  // namespace westofn::gradient
