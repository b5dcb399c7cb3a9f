// SPDX-License-Identifier: Apache-2.0
// The weights of a T5 in the form that the engine multiplies with, each made when it is first asked for: a model that
// scores pairs never packs its language-model head, a policy never the folded matrices.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "inference/matrix.h"
#include "model/layers.h"
#include "model/t5.h"

namespace westofn::inference {

/// A value that is made when it is first needed.
template <class T>
class Lazy {
 public:
  explicit Lazy(std::function<T()> make) : make_(std::move(make)) {}
  const T& operator*() const {
    if (!value_) value_ = make_();
    return *value_;
  }
  const T* operator->() const { return &**this; }

 private:
  std::function<T()> make_;
  mutable std::optional<T> value_;
};

/// q, k and v in one matrix [3I,D]; o [D,I].
struct SelfMatrices {
  at::Tensor norm_D;
  Lazy<Matrix> qkv;
  Lazy<Matrix> value;  ///< v alone: what the first decoder step needs
  Lazy<Matrix> out;
};

struct CrossMatrices {
  at::Tensor norm_D;
  Lazy<Matrix> query;
  Lazy<Matrix> keys_values;               ///< k and v in one matrix [2I,D]
  Lazy<std::vector<Matrix>> fold_keys;    ///< of each head: [D,K], W_k transposed
  Lazy<std::vector<Matrix>> fold_values;  ///< of each head: [K,D]
  Lazy<Matrix> out;
};

/// wi_0 and wi_1 in one matrix [2F,D] where gated.
struct FeedForwardMatrices {
  at::Tensor norm_D;
  Lazy<Matrix> in;
  Lazy<Matrix> out;
};

struct EncoderMatrices {
  SelfMatrices self;
  FeedForwardMatrices feed_forward;
};

struct DecoderMatrices {
  SelfMatrices self;
  CrossMatrices cross;
  FeedForwardMatrices feed_forward;
};

/// All weights of a model. Norms and biases are in float32 (float64 in a float64 model) and on the device.
class Weights {
 public:
  Weights(const model::T5& t5, model::Placement placement, Arithmetic arithmetic);
  // The makers of lazy values refer to this object.
  Weights(const Weights&) = delete;
  Weights& operator=(const Weights&) = delete;

  [[nodiscard]] const model::T5Config& config() const { return t5_.config(); }
  [[nodiscard]] model::Placement placement() const { return placement_; }
  [[nodiscard]] at::ScalarType activations() const { return activation_type(arithmetic_, placement_.dtype); }
  [[nodiscard]] at::ScalarType wide() const { return model::wide_type(placement_.dtype); }

  [[nodiscard]] const std::vector<EncoderMatrices>& encoder() const { return encoder_; }
  [[nodiscard]] const std::vector<DecoderMatrices>& decoder() const { return decoder_; }
  [[nodiscard]] const at::Tensor& embedding_VD() const { return *embedding_VD_; }
  [[nodiscard]] const Matrix& head() const { return *head_; }
  /// Rows of the language-model head for some ids, in the type of activations.
  [[nodiscard]] at::Tensor head_rows(const at::Tensor& ids) const;

  at::Tensor encoder_norm_D;
  at::Tensor decoder_norm_D;
  at::Tensor encoder_bias_RH;
  at::Tensor decoder_bias_RH;

 private:
  [[nodiscard]] at::Tensor small(const at::Tensor& weight) const;
  [[nodiscard]] Lazy<Matrix> matrix(std::vector<at::Tensor> parts, std::int64_t rows) const;
  [[nodiscard]] SelfMatrices self_matrices(const model::AttentionWeights& weights, std::int64_t rows) const;
  [[nodiscard]] CrossMatrices cross_matrices(const model::AttentionWeights& weights) const;
  [[nodiscard]] FeedForwardMatrices feed_forward_matrices(const model::FeedForwardWeights& weights,
                                                          std::int64_t rows) const;
  /// To the device in the type of the weights. A weight of a mapped file is read here and then left.
  [[nodiscard]] at::Tensor place(const at::Tensor& weight) const;

  model::T5 t5_;
  model::Placement placement_;
  Arithmetic arithmetic_;
  std::vector<EncoderMatrices> encoder_;
  std::vector<DecoderMatrices> decoder_;
  Lazy<at::Tensor> embedding_VD_;
  Lazy<Matrix> head_;
};

}  // namespace westofn::inference
