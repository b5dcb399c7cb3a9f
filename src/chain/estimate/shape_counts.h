// SPDX-License-Identifier: Apache-2.0
// Weights, floating-point operations and bytes of one T5, from its architecture alone. Pure functions.
//
// d = d_model, f = d_ff, I = heads x d_kv, Le and Ld = layers of encoder and decoder, V = vocabulary, S = tokens of the
// encoder input, T = tokens of the decoder. A multiply-add counts as two operations; norms, softmax and the like, which
// are not matrix products, are left out.
#pragma once

#include <cstdint>
#include <vector>

#include "model/t5_config.h"

namespace westofn::chain {

/// Elements of the weights by part. The relative biases and norms belong to their stack.
struct WeightCounts {
  std::int64_t encoder = 0;
  std::int64_t decoder = 0;
  std::int64_t embedding = 0;
  std::int64_t head = 0;  ///< 0: tied to the embedding

  [[nodiscard]] std::int64_t total() const { return encoder + decoder + embedding + head; }
};
[[nodiscard]] WeightCounts count_weights(const model::T5Config& config);

/// One weight: a matrix, or a vector with one row.
struct WeightShape {
  std::int64_t rows = 1;
  std::int64_t columns = 0;

  [[nodiscard]] std::int64_t elements() const { return rows * columns; }
};

/// Every weight once, a tied head not.
[[nodiscard]] std::vector<WeightShape> weight_shapes(const model::T5Config& config);

/// Encoder: 2 S Le (4 d I + (3 or 2) d f) + 4 Le I S^2.
[[nodiscard]] double encoder_operations(const model::T5Config& config, double source);

/// Keys and values of the source for all decoder layers: 4 S Ld d I.
[[nodiscard]] double cross_projection_operations(const model::T5Config& config, double source);

/// Whether the logits of all V tokens are computed.
enum class Logits { computed, left_out };

/// Decoder, T tokens of one row one after the other (or at once, masked):
/// T (2 Ld (6 d I + (3 or 2) d f) + 2 V d) + 4 Ld I (T S + T (T + 1) / 2).
[[nodiscard]] double decoder_operations(const model::T5Config& config, double target, double source, Logits logits);

/// Elements of keys and values of one token over all decoder layers, self and cross alike: 2 Ld I.
[[nodiscard]] std::int64_t cache_elements(const model::T5Config& config);

}  // namespace westofn::chain
