// SPDX-License-Identifier: Apache-2.0
#include "model/t5_config.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "io/file.h"
#include "io/json_text.h"

namespace westofn::model {
namespace {

constexpr std::uint64_t config_limit = std::uint64_t{1} << 20;

/// The largest values that are believed; products of any three of them fit into 64 bits.
constexpr std::int64_t most_tokens = 1 << 24;
constexpr std::int64_t most_features = 1 << 20;
constexpr std::int64_t most_layers = 1 << 10;

struct Range {
  std::int64_t least = 1;
  std::int64_t most = std::numeric_limits<std::int64_t>::max();
};

std::int64_t checked(const io::JsonValue& value, Range range) {
  const std::int64_t number = value.integer();
  if (number < range.least || number > range.most) {
    value.fail("must be from " + std::to_string(range.least) + " to " + std::to_string(range.most) + ", not " +
               std::to_string(number));
  }
  return number;
}

std::int64_t checked(const io::JsonValue& config, std::string_view key, Range range) {
  return checked(config.field(key), range);
}

std::int64_t checked_or(const io::JsonValue& config, std::string_view key, Range range, std::int64_t fallback) {
  const auto value = config.find(key);
  return value ? checked(*value, range) : fallback;
}

bool boolean_or(const io::JsonValue& config, std::string_view key, bool fallback) {
  const auto value = config.find(key);
  return value ? value->boolean() : fallback;
}

FeedForward parse_feed_forward(const io::JsonValue& config) {
  const auto value = config.find("feed_forward_proj");
  if (!value || value->text() == "relu") return FeedForward::relu;
  if (value->text() != "gated-gelu") value->fail("must be relu or gated-gelu; other T5 variants are not supported");
  return FeedForward::gated_gelu;
}

double parse_epsilon(const io::JsonValue& config) {
  const auto value = config.find("layer_norm_epsilon");
  if (!value) return T5Config{}.layer_norm_epsilon;
  const double epsilon = value->number();
  if (!(epsilon > 0 && epsilon < 1)) value->fail("must be above 0 and below 1");
  return epsilon;
}

}  // namespace

T5Config parse_t5_config(std::string_view text, const std::string& name) {
  const io::TextPlace place{name, 0};
  const nlohmann::json json = io::parse_json(text, place);
  const io::JsonValue root(json, place);
  if (const auto type = root.field("model_type"); type.text() != "t5") {
    type.fail("must be t5: only T5 models (v1.0, v1.1, FLAN) are supported");
  }
  T5Config config;
  config.vocab_size = checked(root, "vocab_size", {2, most_tokens});
  config.d_model = checked(root, "d_model", {1, most_features});
  config.d_kv = checked(root, "d_kv", {1, most_features});
  config.d_ff = checked(root, "d_ff", {1, most_features});
  config.num_layers = checked(root, "num_layers", {1, most_layers});
  config.num_decoder_layers = checked_or(root, "num_decoder_layers", {1, most_layers}, config.num_layers);
  config.num_heads = checked(root, "num_heads", {1, most_features / config.d_kv});
  // Below four buckets, or with all distances in buckets of their own, the logarithmic half has no meaning.
  config.relative_attention_num_buckets = checked_or(root, "relative_attention_num_buckets", {4, most_features}, 32);
  config.relative_attention_max_distance =
      checked_or(root, "relative_attention_max_distance",
                 {config.relative_attention_num_buckets / 2 + 1, std::numeric_limits<std::int32_t>::max()}, 128);
  config.layer_norm_epsilon = parse_epsilon(root);
  config.feed_forward = parse_feed_forward(root);
  config.tie_word_embeddings = boolean_or(root, "tie_word_embeddings", true);
  config.scale_decoder_outputs = boolean_or(root, "scale_decoder_outputs", config.tie_word_embeddings);
  config.decoder_start_token_id = checked_or(root, "decoder_start_token_id", {0, config.vocab_size - 1}, 0);
  return config;
}

T5Config read_t5_config(const std::string& folder) {
  const std::string path = folder + "/config.json";
  return parse_t5_config(io::read_file(path, config_limit), path);
}

std::string to_json(const T5Config& config) {
  const nlohmann::ordered_json json = {
      {"architectures", {"T5ForConditionalGeneration"}},
      {"model_type", "t5"},
      {"vocab_size", config.vocab_size},
      {"d_model", config.d_model},
      {"d_kv", config.d_kv},
      {"d_ff", config.d_ff},
      {"num_layers", config.num_layers},
      {"num_decoder_layers", config.num_decoder_layers},
      {"num_heads", config.num_heads},
      {"relative_attention_num_buckets", config.relative_attention_num_buckets},
      {"relative_attention_max_distance", config.relative_attention_max_distance},
      {"dropout_rate", 0.0},
      {"layer_norm_epsilon", config.layer_norm_epsilon},
      {"initializer_factor", 1.0},
      {"feed_forward_proj", config.feed_forward == FeedForward::relu ? "relu" : "gated-gelu"},
      {"is_encoder_decoder", true},
      {"tie_word_embeddings", config.tie_word_embeddings},
      {"scale_decoder_outputs", config.scale_decoder_outputs},
      {"use_cache", true},
      {"decoder_start_token_id", config.decoder_start_token_id},
      {"pad_token_id", 0},
      {"eos_token_id", 1},
      {"torch_dtype", "float32"},
  };
  return json.dump(2) + "\n";
}

}  // namespace westofn::model
