// SPDX-License-Identifier: Apache-2.0
// T5 (v1.0, v1.1, FLAN): one set of weights for inference and, with gradients on, for training.
//
// Letters of shapes: B batch, S source tokens, T target tokens, D d_model, V vocabulary, H heads, K d_kv.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/safetensors_writer.h"
#include "model/batch.h"
#include "model/t5_config.h"

namespace westofn::model {

class T5Folder;

/// Where a model lives.
struct Placement {
  at::Device device = at::kCPU;
  at::ScalarType dtype = at::kFloat;
};

/// A weight under its Hugging Face name.
struct Parameter {
  std::string name;
  at::Tensor value;
};

/// q, k, v: [H*K, D]; o: [D, H*K].
struct AttentionWeights {
  at::Tensor norm_D, q, k, v, o;
};

/// wi_0 (and wi_1 where gated): [F, D]; wo: [D, F].
struct FeedForwardWeights {
  at::Tensor norm_D, wi_0, wi_1, wo;
};

struct EncoderLayer {
  AttentionWeights self;
  FeedForwardWeights feed_forward;
};

struct DecoderLayer {
  AttentionWeights self;
  AttentionWeights cross;
  FeedForwardWeights feed_forward;
};

/// What the encoder made of a batch.
struct EncoderOutput {
  at::Tensor hidden_BSD;
  at::Tensor mask_B11S;  ///< added to attention scores: 0 at tokens, the lowest finite number at padding
};

/// A T5 model. All functions are Local and differentiable unless gradients are off.
class T5 {
 public:
  /// Reads a Hugging Face folder: safetensors, one file or sharded; other types are converted. Throws DataError that
  /// names the file and tensor if one is missing, superfluous, of another shape or not finite; all but the last is
  /// checked before a weight is read.
  static T5 load(const std::string& folder, Placement placement);
  /// The same without reading the weights: they stay in their files, in the types in which these have them, on the CPU.
  /// For inference::Engine, which reads each when it is needed; not for computing.
  static T5 map(const std::string& folder);
  /// A new model, initialised as transformers does it (factor 1.0), from the Philox stream (purpose "init", seed).
  static T5 random(const T5Config& config, std::uint64_t seed, Placement placement);

  [[nodiscard]] const T5Config& config() const { return config_; }
  [[nodiscard]] Placement placement() const { return placement_; }
  /// Every weight once, in order of names. The tensors are those that the model computes with.
  [[nodiscard]] std::vector<Parameter> parameters() const;
  /// Leaves the weights alone and makes a copy of its own.
  [[nodiscard]] T5 clone() const;

  [[nodiscard]] EncoderOutput encode(const TokenBatch& source) const;
  /// Final-normed states [B,T,D] of a whole target: `inputs_BT` starts with the decoder start token. Padding behind a
  /// target is harmless: attention is causal.
  [[nodiscard]] at::Tensor decode(const EncoderOutput& source, const at::Tensor& inputs_BT) const;
  /// The state [B,D] after one decoder step from the start token: what pairwise and pointwise scores are read from.
  [[nodiscard]] at::Tensor first_state(const TokenBatch& source) const;
  /// [..., V] in float32 (float64 where the model is), of states that are scaled first if the config says so.
  [[nodiscard]] at::Tensor logits(const at::Tensor& states) const;

  [[nodiscard]] const std::vector<EncoderLayer>& encoder() const { return encoder_; }
  [[nodiscard]] const std::vector<DecoderLayer>& decoder() const { return decoder_; }
  [[nodiscard]] const at::Tensor& embedding_VD() const { return embedding_VD_; }
  /// The embedding itself where tied.
  [[nodiscard]] const at::Tensor& head_VD() const { return head_VD_; }
  /// Biases by bucket of the relative position, shared by all layers.
  [[nodiscard]] const at::Tensor& encoder_bias_RH() const { return encoder_bias_RH_; }
  [[nodiscard]] const at::Tensor& decoder_bias_RH() const { return decoder_bias_RH_; }
  [[nodiscard]] const at::Tensor& encoder_norm_D() const { return encoder_norm_D_; }
  [[nodiscard]] const at::Tensor& decoder_norm_D() const { return decoder_norm_D_; }

  /// Whether the weights are those of files in memory.
  [[nodiscard]] bool is_mapped() const { return files_ != nullptr; }
  /// Gives the memory of mapped files back to the system; what is read again comes from the files.
  void release_pages() const;

 private:
  friend class T5Weights;
  T5(T5Config config, Placement placement) : config_(config), placement_(placement) {}
  static T5 read(const T5Folder& folder, std::optional<Placement> placement);

  T5Config config_;
  Placement placement_;
  at::Tensor embedding_VD_;
  at::Tensor head_VD_;                            ///< the embedding itself where tied
  at::Tensor encoder_bias_RH_, decoder_bias_RH_;  ///< relative positions: buckets by heads
  at::Tensor encoder_norm_D_, decoder_norm_D_;
  std::vector<EncoderLayer> encoder_;
  std::vector<DecoderLayer> decoder_;
  std::shared_ptr<const T5Folder> files_;  ///< of a mapped model
};

/// Local. Writes config.json, generation_config.json, model.safetensors (sharded above 5 GB) and spiece.model into an
/// existing folder; transformers opens it with equal logits. Returns all files written. `weights` replaces the
/// parameters of the model (float32 masters, say) if it is not empty.
std::vector<io::FileInfo> save_t5(const std::string& folder, const T5& model, std::span<const Parameter> weights,
                                  const std::string& spiece_model);

}  // namespace westofn::model
