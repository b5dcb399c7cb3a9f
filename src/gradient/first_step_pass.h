// SPDX-License-Identifier: Apache-2.0
// A whole model forward and backward for one decoder step: what pairwise and pointwise scores are read from.
//
// With one query a row, keys and values of the source need not be made: W_k is folded into the query and W_v applied
// after the weighted sum, q (X W_k^T)^T = (q W_k) X^T. The algebra is exact; a seventh of the work is saved.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <vector>

#include "gradient/encoder_pass.h"

namespace westofn::gradient {

class FirstStepPass {
 public:
  explicit FirstStepPass(const BlockContext& context) : context_(context), encoder_(context) {}

  /// The final-normed state [B,D] of every source after the decoder start token, in the type of activations.
  [[nodiscard]] at::Tensor forward(std::span<const tokenizer::Tokens> sources);
  /// From the gradient by these states. All gradients are handed out but those of the language-model head; one of the
  /// embedding that the caller has (of a tied head; wide) is taken over and added to.
  void backward(const at::Tensor& states_gradient_BD, at::Tensor embedding_gradient_VD, const GradientSink& sink);

 private:
  struct CrossStepTape {
    at::Tensor x_BD;
    at::Tensor queries_BI;
    at::Tensor folded_BHD;               ///< q W_k
    std::vector<at::Tensor> weights_HS;  ///< of every sequence, wide, before dropout
    at::Tensor mixed_BHD;                ///< weighted sums of states
    at::Tensor out_BI;
  };
  struct LayerTape {
    at::Tensor x_BD;  ///< before self-attention
    CrossStepTape cross;
    FeedForwardTape feed_forward;
    std::uint32_t place = 0;
  };

  [[nodiscard]] at::Tensor self_forward(const AttentionMatrices& weights, LayerTape& tape,
                                        const at::Tensor& x_BD) const;
  void self_backward(const AttentionMatrices& weights, const LayerTape& tape, at::Tensor& gradient_BD,
                     const GradientSink& sink) const;
  [[nodiscard]] at::Tensor cross_forward(const AttentionMatrices& weights, LayerTape& tape,
                                         const at::Tensor& x_BD) const;
  void cross_backward(const AttentionMatrices& weights, LayerTape& tape, at::Tensor& gradient_BD,
                      at::Tensor& source_gradient_MD, const GradientSink& sink) const;
  [[nodiscard]] at::Tensor states_of(std::int64_t sequence, const at::Tensor& rows_MD) const;

  BlockContext context_;
  EncoderPass encoder_;
  Layout rows_;  ///< of the decoder: one a sequence
  at::Tensor start_ids_B_;
  std::vector<LayerTape> layers_;
  NormTape final_;
};

}  // namespace westofn::gradient
