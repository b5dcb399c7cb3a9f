// SPDX-License-Identifier: Apache-2.0
// A whole model forward and backward for targets that are taught: every position predicts the next token.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <vector>

#include "gradient/encoder_pass.h"

namespace westofn::gradient {

class TargetPass {
 public:
  explicit TargetPass(const BlockContext& context) : context_(context), encoder_(context) {}

  /// Final-normed states [M,D] of all target positions, in the type of activations; row layout().begins[b] + t predicts
  /// token t of target b. Targets end with their end token; the decoder reads the start token and all but the last.
  [[nodiscard]] at::Tensor forward(std::span<const tokenizer::Tokens> sources,
                                   std::span<const tokenizer::Tokens> targets);
  /// As FirstStepPass::backward.
  void backward(const at::Tensor& states_gradient_MD, at::Tensor embedding_gradient_VD, const GradientSink& sink);

  [[nodiscard]] const Layout& layout() const { return rows_.layout; }

 private:
  struct LayerTape {
    SelfTape self;
    CrossTape cross;
    FeedForwardTape feed_forward;
  };
  [[nodiscard]] SelfSetting self_setting() const { return {rows_.layout, bias_HW_, Sight::backward}; }
  [[nodiscard]] CrossSetting cross_setting() const { return {rows_.layout, encoder_.layout(), encoder_.states()}; }

  BlockContext context_;
  EncoderPass encoder_;
  TokenRows rows_;
  at::Tensor bias_HW_;
  std::vector<LayerTape> layers_;
  NormTape final_;
};

}  // namespace westofn::gradient
