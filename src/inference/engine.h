// SPDX-License-Identifier: Apache-2.0
// T5 for inference: weights fused and packed for the device, caches, no gradients.
//
// Letters of shapes as in backend.h. Residuals are kept in float32 (float64 in a float64 model).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "inference/backend.h"
#include "inference/weights.h"
#include "model/t5.h"
#include "tokenizer/tokenizer.h"

namespace westofn::inference {

/// What the encoder made of some sequences.
struct Source {
  at::Tensor hidden_MD;  ///< final-normed states in the type of activations
  Layout layout;
};

/// Which backend computes.
enum class Choice {
  automatic,  ///< our kernels on a CPU, for float32 and bfloat16; else tensors
  tensors     ///< as on a GPU, on any device
};

/// A T5 ready for inference. Weights are prepared when they are first needed; one thread at a time may use it. All
/// functions are Local.
class Engine {
 public:
  /// Keeps handles of the weights of `t5`, which may be changed no more. They are converted to the given placement.
  Engine(const model::T5& t5, model::Placement placement, Choice choice = Choice::automatic);
  /// As the model is placed.
  explicit Engine(const model::T5& t5);
  /// Reads a Hugging Face folder; the weights go from the file straight to their device. Throws DataError.
  static Engine load(const std::string& folder, model::Placement placement);

  ~Engine();
  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;

  [[nodiscard]] const model::T5Config& config() const { return weights_->config(); }
  [[nodiscard]] model::Placement placement() const { return weights_->placement(); }
  [[nodiscard]] const Backend& backend() const { return *backend_; }

  /// Runs the encoder on token lists (with their end tokens). None may be empty.
  [[nodiscard]] Source encode(std::span<const tokenizer::Tokens> sequences) const;

  /// Final states [B,D] after one decoder step from the start token: what pairwise and pointwise scores are read from.
  /// With one query a sequence the projections of keys and values are cheaper on the side of the query: q W_k^T E^T
  /// and (p E) W_v^T in place of q (E W_k)^T and p (E W_v), 4 H D S multiplications in place of 4 S D I.
  [[nodiscard]] at::Tensor first_states(const Source& source) const;

  /// Sum of the log-softmax of every target (ids with their end token) given its source, in float64, nats.
  [[nodiscard]] std::vector<double> log_likelihoods(const Source& source,
                                                    std::span<const tokenizer::Tokens> targets) const;

  /// Logits [M,V] in float32 (float64) of final states, which are scaled first if the config says so.
  [[nodiscard]] at::Tensor logits(const at::Tensor& states_MD) const;
  /// The same for some ids only, in order: [M, ids].
  [[nodiscard]] at::Tensor logits_of(const at::Tensor& states_MD, std::span<const tokenizer::TokenId> ids) const;

 private:
  friend class Decoder;

  [[nodiscard]] at::Tensor embed(const at::Tensor& ids_M) const;
  [[nodiscard]] at::Tensor embed(std::span<const tokenizer::Tokens> sequences, const Layout& layout) const;
  [[nodiscard]] at::Tensor scale(const at::Tensor& states_MD) const;
  void encode_part(std::span<const tokenizer::Tokens> sequences, const Layout& layout, at::Tensor& out_MD) const;
  void add_feed_forward(at::Tensor& x_MD, const FeedForwardMatrices& weights) const;
  [[nodiscard]] at::Tensor attend(const Heads& heads, const Layout& queries, const Layout& keys,
                                  const PositionBias& bias) const;
  [[nodiscard]] at::Tensor attend_first(const at::Tensor& x_BD, const CrossMatrices& weights,
                                        const HeldStates& states) const;
  [[nodiscard]] at::Tensor decode(const Source& source, std::span<const tokenizer::Tokens> targets,
                                  const Layout& layout) const;
  /// Biases [H, first..last] of relative positions (key minus query).
  [[nodiscard]] at::Tensor position_table(const at::Tensor& table_RH, std::int64_t first, std::int64_t last,
                                          model::Direction direction) const;

  std::unique_ptr<Weights> weights_;
  std::unique_ptr<Backend> backend_;
};

}  // namespace westofn::inference
