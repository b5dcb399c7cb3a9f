// SPDX-License-Identifier: Apache-2.0
#include "model/t5_config.h"

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "io/file.h"
#include "io/json_text.h"
#include "util/text.h"

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

double parse_epsilon(const io::JsonValue& value) {
  const double epsilon = value.number();
  if (!(epsilon > 0 && epsilon < 1)) value.fail("must be above 0 and below 1");
  return epsilon;
}

/// transformers takes the activation from these two keys if they are there, and writes them.
void check_activation(const io::JsonValue& config, FeedForward feed_forward) {
  const bool gated = feed_forward == FeedForward::gated_gelu;
  const std::string expected = gated ? "gated-gelu" : "relu";
  if (const auto value = config.find("is_gated_act"); value && value->boolean() != gated) {
    value->fail("contradicts feed_forward_proj, which is " + expected);
  }
  const auto value = config.find("dense_act_fn");
  if (!value) return;
  const std::string& name = value->text();
  // Two names of one function: the tanh form of GELU, which T5 means by "gelu".
  if (gated ? name == "gelu_new" || name == "gelu_pytorch_tanh" : name == "relu") return;
  value->fail("must be " + std::string(gated ? "gelu_new" : "relu") + ", since feed_forward_proj is " + expected +
              "; found " + printable(name, 40));
}

FeedForward parse_feed_forward(const io::JsonValue& config) {
  const auto value = config.find("feed_forward_proj");
  if (!value || value->text() == "relu") return FeedForward::relu;
  if (value->text() != "gated-gelu") {
    value->fail("must be relu or gated-gelu; other T5 variants are not supported; found " +
                printable(value->text(), 40));
  }
  return FeedForward::gated_gelu;
}

/// Throws DataError unless this is a whole T5 under one of the names that transformers has had for it.
void check_class(const io::JsonValue& config) {
  const auto type = config.field("model_type");
  if (type.text() != "t5") {
    type.fail("must be t5: only T5 models (v1.0, v1.1, LM-adapted, FLAN) are supported, not " +
              printable(type.text(), 40));
  }
  if (const auto whole = config.find("is_encoder_decoder"); whole && !whole->boolean()) {
    whole->fail("must be true: a model with encoder and decoder is needed");
  }
  const auto classes = config.find("architectures");
  if (!classes) return;
  for (const io::JsonValue& name : classes->items()) {
    constexpr std::array<std::string_view, 3> whole = {"T5ForConditionalGeneration", "T5WithLMHeadModel", "T5Model"};
    if (std::ranges::find(whole, name.text()) != whole.end()) continue;
    name.fail("must be T5ForConditionalGeneration: " +
              (name.text() == "T5EncoderModel" ? std::string("T5EncoderModel has no decoder")
                                               : printable(name.text(), 60) + " is another kind of model"));
  }
}

/// The tokenizer pads with 0 and ends with 1, as that of every T5 does, and so does the program.
void check_token_id(const io::JsonValue& config, std::string_view key, std::int64_t id) {
  const auto value = config.find(key);
  if (!value || value->integer() == id) return;
  value->fail("must be " + std::to_string(id) + " as in every T5, not " + std::to_string(value->integer()));
}

}  // namespace

T5Config parse_t5_config(std::string_view text, const std::string& name) {
  const io::TextPlace place{name, 0};
  const nlohmann::json json = io::parse_json(text, place);
  const io::JsonValue root(json, place);
  check_class(root);
  check_token_id(root, "pad_token_id", 0);
  check_token_id(root, "eos_token_id", 1);
  T5Config config;
  config.vocab_size = checked(root, "vocab_size", {2, most_tokens});
  config.d_model = checked(root, "d_model", {1, most_features});
  config.d_kv = checked(root, "d_kv", {1, most_features});
  config.d_ff = checked(root, "d_ff", {1, most_features});
  config.num_layers = checked(root, "num_layers", {1, most_layers});
  config.num_decoder_layers = checked_or(root, "num_decoder_layers", {1, most_layers}, config.num_layers);
  config.num_heads = checked(root, "num_heads", {1, most_features / config.d_kv});
  // Below four buckets, or with all distances in buckets of their own, the logarithmic half has no meaning.
  config.relative_attention_num_buckets = checked(root, "relative_attention_num_buckets", {4, most_features});
  config.relative_attention_max_distance =
      checked_or(root, "relative_attention_max_distance",
                 {config.relative_attention_num_buckets / 2 + 1, std::numeric_limits<std::int32_t>::max()}, 128);
  config.layer_norm_epsilon = parse_epsilon(root.field("layer_norm_epsilon"));
  config.feed_forward = parse_feed_forward(root);
  check_activation(root, config.feed_forward);
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
