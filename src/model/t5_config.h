// SPDX-License-Identifier: Apache-2.0
// The architecture of a T5 model: config.json of a Hugging Face folder, or the settings of a model from scratch.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace westofn::model {

enum class FeedForward { relu, gated_gelu };

/// Names as in config.json.
struct T5Config {
  std::int64_t vocab_size = 0;
  std::int64_t d_model = 0;
  std::int64_t d_kv = 0;
  std::int64_t d_ff = 0;
  std::int64_t num_layers = 0;
  std::int64_t num_decoder_layers = 0;
  std::int64_t num_heads = 0;
  std::int64_t relative_attention_num_buckets = 32;
  std::int64_t relative_attention_max_distance = 128;
  double layer_norm_epsilon = 1e-6;
  FeedForward feed_forward = FeedForward::gated_gelu;
  bool tie_word_embeddings = false;
  bool scale_decoder_outputs = false;  ///< decoder output times d_model^-0.5 before the language-model head
  std::int64_t decoder_start_token_id = 0;
  bool operator==(const T5Config&) const = default;

  /// Width of all heads together.
  [[nodiscard]] std::int64_t inner() const { return num_heads * d_kv; }
};

/// Parses the text of a config.json; `name` is for messages. Missing feed_forward_proj (relu), num_decoder_layers (as
/// many as the encoder), relative_attention_max_distance (128), tie_word_embeddings (true), scale_decoder_outputs (as
/// tie_word_embeddings) and decoder_start_token_id (0, padding) have defaults. Throws DataError that names the key,
/// also for a model that is no whole T5 or that pads and ends texts with other ids than 0 and 1.
[[nodiscard]] T5Config parse_t5_config(std::string_view text, const std::string& name);

/// Reads FOLDER/config.json. Throws DataError.
[[nodiscard]] T5Config read_t5_config(const std::string& folder);

/// A config.json that transformers and parse_t5_config read as the same model.
[[nodiscard]] std::string to_json(const T5Config& config);

}  // namespace westofn::model
