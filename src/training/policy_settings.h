// SPDX-License-Identifier: Apache-2.0
// The `policy` section of an experiment: the model that writes responses, and its fine-tuning.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "config/types.h"
#include "model/t5_config.h"
#include "tokenizer/template.h"
#include "training/settings.h"

namespace westofn::training {

/// A T5 with random weights; names as in config.json. The size of the vocabulary comes from the tokenizer.
struct ArchitectureSettings {
  std::int64_t d_model = 512;
  std::int64_t d_kv = 64;
  std::int64_t d_ff = 1024;
  std::int64_t num_layers = 8;
  std::int64_t num_decoder_layers = 8;
  std::int64_t num_heads = 6;
  model::FeedForward feed_forward = model::FeedForward::gated_gelu;
};

/// Where the policy comes from and how it is fine-tuned; the defaults of training are the paper's.
struct PolicySettings {
  std::optional<std::string> model;  ///< a Hugging Face folder
  std::optional<ArchitectureSettings> architecture;
  std::int64_t max_input_tokens = 1024;
  std::int64_t max_target_tokens = 128;
  tokenizer::CutPrompt cut = tokenizer::CutPrompt::start;
  std::int64_t window = 1;
  TrainSettings train{.steps = 4000, .batch = 32, .learning_rate = 1e-5};
};

template <class V>
void visit_fields(V& v, ArchitectureSettings& s) {
  v.optional("d_model", s.d_model, "width of the states");
  v.optional("d_kv", s.d_kv, "width of a head");
  v.optional("d_ff", s.d_ff, "width of the feed-forward layers");
  v.optional("num_layers", s.num_layers, "layers of the encoder");
  v.optional("num_decoder_layers", s.num_decoder_layers, "layers of the decoder");
  v.optional("num_heads", s.num_heads, "heads of each attention");
  v.optional("feed_forward", s.feed_forward, "relu (T5 1.0) or gated-gelu (T5 1.1)");
  const auto positive = [&](const char* key, std::int64_t value, std::int64_t most) {
    v.check(key, value >= 1 && value <= most, "a number from 1 to " + std::to_string(most));
  };
  positive("d_model", s.d_model, 65536);
  positive("d_kv", s.d_kv, 65536);
  positive("d_ff", s.d_ff, 1'000'000);
  positive("num_layers", s.num_layers, 1000);
  positive("num_decoder_layers", s.num_decoder_layers, 1000);
  positive("num_heads", s.num_heads, 1000);
}

template <class V>
void visit_fields(V& v, PolicySettings& s) {
  v.optional("model", s.model, "T5 folder in Hugging Face format that fine-tuning starts from");
  v.optional("architecture", s.architecture, "start from random weights instead of a folder");
  v.optional("max_input_tokens", s.max_input_tokens, "a longer prompt is cut");
  v.optional("max_target_tokens", s.max_target_tokens, "a demonstration with a longer response is refused");
  v.optional("cut", s.cut, "the end of a prompt that is cut: start (dialogues) or end (documents)");
  v.optional("window", s.window, "batches within which demonstrations are sorted by length; 1: none");
  v.optional("train", s.train, "fine-tuning; 0 steps: the model as it is");
  v.check("", s.model.has_value() != s.architecture.has_value(), "either `model` or `architecture`");
  v.check("max_input_tokens", s.max_input_tokens >= 2 && s.max_input_tokens <= 1'000'000, "a number from 2 to 1000000");
  v.check("max_target_tokens", s.max_target_tokens >= 2 && s.max_target_tokens <= 1'000'000,
          "a number from 2 to 1000000");
  v.check("window", s.window >= 1 && s.window <= 10'000, "a number from 1 to 10000");
}

}  // namespace westofn::training

namespace westofn::config {

template <>
struct EnumNames<model::FeedForward> {
  using E = model::FeedForward;
  static constexpr std::array table = {EnumName<E>{E::relu, "relu"}, EnumName<E>{E::gated_gelu, "gated-gelu"}};
};

}  // namespace westofn::config
