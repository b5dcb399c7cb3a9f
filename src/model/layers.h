// SPDX-License-Identifier: Apache-2.0
// The blocks that T5 is made of, as functions of tensors; differentiable. Norms and softmax are computed in float32 (or
// float64 in a float64 model), everything else in the type of the weights.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "model/t5.h"

namespace westofn::model {

/// The type in which norms, softmax and logits are computed: float32, or float64 for a float64 model.
[[nodiscard]] at::ScalarType wide_type(at::ScalarType dtype);

/// x [...,D] divided by its root mean square, times the weight.
[[nodiscard]] at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight_D, double epsilon);

/// [B,T,H*K] to [B,H,T,K].
[[nodiscard]] at::Tensor split_heads(const at::Tensor& x_BTI, std::int64_t heads);

/// [B,H,T,K] to [B,T,H*K].
[[nodiscard]] at::Tensor merge_heads(const at::Tensor& x_BHTK);

/// What attention works on. `bias` is added to the scores [B,H,T,S] and broadcasts to them.
struct AttentionInputs {
  const at::Tensor& queries_BHTK;
  const at::Tensor& keys_BHSK;
  const at::Tensor& values_BHSK;
  const at::Tensor& bias;
};

/// Softmax of unscaled scores, times the values: [B,H,T,K].
[[nodiscard]] at::Tensor attend(const AttentionInputs& in);

/// Whether a query sees both sides (encoder) or only what is behind it (decoder).
enum class Direction { both, backward };

/// The bucket (int64) of every relative position (int64, key minus query), as transformers computes it.
[[nodiscard]] at::Tensor relative_buckets(const at::Tensor& positions, Direction direction, const T5Config& config);

/// The relative bias [1,H,T,S], in the wide type, of queries `first_query` .. and keys 0 .. `keys`-1.
struct BiasRange {
  std::int64_t first_query = 0;
  std::int64_t queries = 0;
  std::int64_t keys = 0;
};
[[nodiscard]] at::Tensor relative_bias(const at::Tensor& table_RH, const BiasRange& range, Direction direction,
                                       const T5Config& config);

/// The number that is added to scores that must not count.
[[nodiscard]] double masked_score(at::ScalarType dtype);

/// x [...,D] plus the feed-forward block of its norm.
[[nodiscard]] at::Tensor add_feed_forward(const at::Tensor& x, const FeedForwardWeights& weights,
                                          const T5Config& config);

}  // namespace westofn::model
