// SPDX-License-Identifier: Apache-2.0
#include "model/t5_config.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "support/expect_error.h"
#include "support/small_models.h"

namespace westofn::model {
namespace {

using testing::expect_data_error;

nlohmann::json oldest_config() {
  return {{"model_type", "t5"},
          {"vocab_size", 100},
          {"d_model", 16},
          {"d_kv", 4},
          {"d_ff", 32},
          {"num_layers", 2},
          {"num_heads", 3},
          {"relative_attention_num_buckets", 32},
          {"layer_norm_epsilon", 1e-6}};
}

T5Config parse(const nlohmann::json& json) { return parse_t5_config(json.dump(), "model/config.json"); }

TEST(T5Config, OldestHubConfigsHaveDefaults) {
  const T5Config config = parse(oldest_config());
  EXPECT_EQ(config.feed_forward, FeedForward::relu);
  EXPECT_EQ(config.num_decoder_layers, 2);
  EXPECT_EQ(config.relative_attention_max_distance, 128);
  EXPECT_EQ(config.decoder_start_token_id, 0);
  EXPECT_TRUE(config.tie_word_embeddings);
  EXPECT_TRUE(config.scale_decoder_outputs);
}

TEST(T5Config, OutputIsScaledUnlessUntiedOrSaidOtherwise) {
  auto json = oldest_config();
  json["tie_word_embeddings"] = false;
  EXPECT_FALSE(parse(json).scale_decoder_outputs);
  json["scale_decoder_outputs"] = true;
  EXPECT_TRUE(parse(json).scale_decoder_outputs);
  json["tie_word_embeddings"] = true;
  json["scale_decoder_outputs"] = false;
  EXPECT_FALSE(parse(json).scale_decoder_outputs);
}

TEST(T5Config, EveryOtherKeyMustBeThere) {
  const nlohmann::json whole = oldest_config();
  for (const auto& [key, value] : whole.items()) {
    auto json = whole;
    json.erase(key);
    SCOPED_TRACE(key);
    expect_data_error([&] { (void)parse(json); }, "'" + key + "'");
    expect_data_error([&] { (void)parse(json); }, "model/config.json");
  }
}

TEST(T5Config, RefusesWhatItCannotCompute) {
  const std::vector<std::pair<std::string, nlohmann::json>> wrong = {
      {"model_type", "bart"},
      {"feed_forward_proj", "gated-silu"},
      {"d_model", "16"},
      {"d_model", 0},
      {"d_model", -16},
      {"d_model", 1.5},
      {"d_kv", 9'000'000'000'000'000'000},
      {"num_heads", 1 << 20},
      {"vocab_size", 1'000'000'000},
      {"num_layers", 100'000},
      {"relative_attention_num_buckets", 2},
      {"relative_attention_max_distance", 16},
      {"layer_norm_epsilon", 0},
      {"decoder_start_token_id", 100},
      {"tie_word_embeddings", "yes"},
      {"model_type", "umt5"},
      {"model_type", 5},
      {"architectures", "T5ForConditionalGeneration"},
      {"is_encoder_decoder", false},
      {"dense_act_fn", "gelu_new"},
      {"is_gated_act", true},
      {"pad_token_id", 1},
      {"eos_token_id", 0},
      {"eos_token_id", {1, 2}},
      {"d_ff", 1e3},
      {"d_ff", nullptr},
      {"num_decoder_layers", 0},
      {"layer_norm_epsilon", 1},
      {"layer_norm_epsilon", "1e-6"},
      {"decoder_start_token_id", -1},
  };
  for (const auto& [key, value] : wrong) {
    auto json = oldest_config();
    json[key] = value;
    SCOPED_TRACE(key + " = " + value.dump());
    expect_data_error([&] { (void)parse(json); }, "'" + key + "'");
  }
  expect_data_error([] { (void)parse_t5_config("{", "model/config.json"); }, "model/config.json");
}

TEST(T5Config, TakesTheNamesThatTransformersHasHadForAWholeT5) {
  auto json = oldest_config();
  for (const char* name : {"T5ForConditionalGeneration", "T5WithLMHeadModel", "T5Model"}) {
    json["architectures"] = {name};
    EXPECT_NO_THROW((void)parse(json)) << name;
  }
  for (const char* name : {"T5EncoderModel", "T5ForSequenceClassification", "MT5ForConditionalGeneration", ""}) {
    json["architectures"] = {name};
    expect_data_error([&] { (void)parse(json); }, "'architectures[0]': must be T5ForConditionalGeneration");
  }
}

TEST(T5Config, TheActivationMayBeSaidTwiceIfItIsTheSame) {
  auto json = oldest_config();
  json["dense_act_fn"] = "relu";
  json["is_gated_act"] = false;
  EXPECT_EQ(parse(json).feed_forward, FeedForward::relu);
  json["feed_forward_proj"] = "gated-gelu";
  expect_data_error([&] { (void)parse(json); }, "'is_gated_act': contradicts feed_forward_proj");
  json["is_gated_act"] = true;
  expect_data_error([&] { (void)parse(json); }, "'dense_act_fn': must be gelu_new");
  for (const char* name : {"gelu_new", "gelu_pytorch_tanh"}) {
    json["dense_act_fn"] = name;
    EXPECT_EQ(parse(json).feed_forward, FeedForward::gated_gelu);
  }
  json["dense_act_fn"] = "gelu";  // the exact form, which no T5 has
  expect_data_error([&] { (void)parse(json); }, "'dense_act_fn'");
}

TEST(T5Config, ReadsWhatItWrites) {
  for (T5Config config : {testing::gated_config(), testing::tied_config()}) {
    config.layer_norm_epsilon = 3e-5;
    EXPECT_EQ(parse_t5_config(to_json(config), "config.json"), config);
  }
}

}  // namespace
}  // namespace westofn::model
