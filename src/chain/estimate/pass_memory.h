// SPDX-License-Identifier: Apache-2.0
// Bytes that a forward and backward pass of a training holds at once: an account of src/gradient, tensor by tensor.
//
// All are upper bounds. Letters as in shape_counts.h and memory.h; M = B S rows of the encoder, N = B T of the decoder;
// a = bytes of an activation. Where a model is trained without a pass that the account knows (float64), it is too low.
#pragma once

#include "chain/estimate/shape_counts.h"
#include "model/runtime.h"
#include "model/t5_config.h"

namespace westofn::chain {

/// A batch, every row as long as the longest.
struct BatchShape {
  double rows = 1;
  double source = 0;
  double target = 1;
};

/// Who computes: our kernels, which keep no scores of attention, or tensors (GPUs).
enum class Computing { kernels, tensors };

/// What decides the memory of a pass beside the architecture.
struct PassShape {
  Computing computing = Computing::kernels;
  double weight_bytes = 4;  ///< b
  double bytes = 4;         ///< a
  bool keeps_inputs = false;
  bool drops = false;  ///< dropout
  Logits logits = Logits::left_out;
};
/// As a training with these settings computes. On a CPU the activations have the type that this machine has.
[[nodiscard]] PassShape pass_shape(const model::RuntimeSettings& runtime, double dropout, Logits logits);

struct PassMemory {
  double kept = 0;       ///< from the forward pass for the backward pass
  double work = 0;       ///< of the block in work, or of the logits
  double gradients = 0;  ///< on their way to the owners: of the vocabulary (wide, and as it is handed out), of a matrix
  [[nodiscard]] double total() const { return kept + work + gradients; }
};

/// A block keeps its input (4 d a row); with all activations self-attention also q, k, v and its result (4 a I, and 4 H
/// sums), cross-attention q and result, and k and v of the source (2 a I), the feed-forward block 2 a f or a f.
[[nodiscard]] PassMemory training_pass(const model::T5Config& config, const PassShape& pass, const BatchShape& batch);

/// Without a backward pass.
[[nodiscard]] double validation_pass(const model::T5Config& config, const PassShape& pass, const BatchShape& batch);

}  // namespace westofn::chain
