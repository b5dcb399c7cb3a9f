// SPDX-License-Identifier: Apache-2.0
// A T5 made ready for passes with gradients: weights that multiply the same input stand behind one another.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "gradient/operations.h"
#include "model/t5.h"
#include "tokenizer/tokenizer.h"

namespace westofn::gradient {

/// Is handed the gradient of each weight once, as soon as it is complete: the handle of the weight as the model has it,
/// and a tensor of its shape in the type of activations (matrices) or the wide type (vectors). An undefined tensor: the
/// weight is not used in such a pass, its gradient is 0.
using GradientSink = std::function<void(const at::Tensor& weight, const at::Tensor& gradient)>;

/// The weights of attention and what is made of them. All are views of the model's weights.
struct AttentionMatrices {
  model::AttentionWeights parts;
  at::Tensor together;  ///< self: q, k, v [3I,D]; cross: k, v [2I,D]
};

struct FeedForwardMatrices {
  model::FeedForwardWeights parts;
  at::Tensor in;  ///< wi_0 and wi_1 [2F,D], or wi_0 alone
};

struct EncoderMatrices {
  AttentionMatrices self;
  FeedForwardMatrices feed_forward;
};

struct DecoderMatrices {
  AttentionMatrices self;
  AttentionMatrices cross;
  FeedForwardMatrices feed_forward;
};

/// How much a pass keeps for its backward pass: all activations; the input of every block, from which the others are
/// computed again (a third more work, a fraction of the memory); or nothing, where there is no backward pass.
enum class Keep { activations, inputs, nothing };

/// Local. The model's weights move into new memory, where those that belong together stand together; the model keeps
/// computing with them. Nothing else must hold on to their old memory.
class Network {
 public:
  explicit Network(const model::T5& t5);
  /// With other operations than those that suit the model's placement.
  Network(const model::T5& t5, std::unique_ptr<Operations> operations);

  [[nodiscard]] const model::T5& t5() const { return t5_; }
  [[nodiscard]] const model::T5Config& config() const { return t5_.config(); }
  [[nodiscard]] const Operations& operations() const { return *operations_; }
  [[nodiscard]] const std::vector<EncoderMatrices>& encoder() const { return encoder_; }
  [[nodiscard]] const std::vector<DecoderMatrices>& decoder() const { return decoder_; }

  /// Rows of the embedding in the wide type.
  [[nodiscard]] at::Tensor embed(const at::Tensor& ids_M) const;
  /// `table_RH` by relative position, wide: -(tokens-1) .. tokens-1. With `Sight::backward` what is ahead counts 0.
  [[nodiscard]] at::Tensor bias_by_position(const at::Tensor& table_RH, std::int64_t tokens, Sight sight) const;
  /// The gradient of such a table from that by position.
  [[nodiscard]] at::Tensor bias_gradient(const at::Tensor& by_position_HW, std::int64_t tokens, Sight sight) const;

  /// A matrix in the type of activations.
  [[nodiscard]] at::Tensor ready(const at::Tensor& weight) const { return weight.to(operations_->activations()); }

 private:
  model::T5 t5_;
  std::unique_ptr<Operations> operations_;
  std::vector<EncoderMatrices> encoder_;
  std::vector<DecoderMatrices> decoder_;
};

/// Ids of several sequences in the rows of a layout; padding is 0.
struct TokenRows {
  Layout layout;
  at::Tensor ids_M;
};
[[nodiscard]] TokenRows token_rows(const Network& network, std::span<const tokenizer::Tokens> sequences);

/// The gradient of the embedding: rows from the encoder's and the decoder's inputs, and all of it from a tied head.
class EmbeddingGradient {
 public:
  /// Adds to `start` [V,D], wide, or to nothing where it is undefined.
  EmbeddingGradient(const Network& network, at::Tensor start);
  /// rows [M,D], wide.
  void add_rows(const at::Tensor& ids_M, const at::Tensor& rows_MD) { sum_VD_.index_add_(0, ids_M, rows_MD); }
  void hand_out(const GradientSink& sink) const;

 private:
  const Network& network_;
  at::Tensor sum_VD_;
};

}  // namespace westofn::gradient
