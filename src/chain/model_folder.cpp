// SPDX-License-Identifier: Apache-2.0
#include "chain/model_folder.h"

#include <array>
#include <cstdio>
#include <filesystem>
#include <map>
#include <string_view>

#include "io/file.h"
#include "scoring/inputs.h"
#include "util/error.h"
#include "util/text.h"

namespace westofn::chain {
namespace {

using std::to_string;

/// A labelled line of the description.
std::string line(std::string_view label, const std::string& text) {
  std::string padded = "  " + std::string(label);
  padded.resize(18, ' ');
  return padded + text + "\n";
}

std::string short_number(double number) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%.6g", number);
  return text.data();
}

/// "12345678 (12.3 million)".
std::string count_text(std::uint64_t count) {
  const auto value = static_cast<double>(count);
  std::array<char, 40> about{};
  if (count >= 1'000'000'000) std::snprintf(about.data(), about.size(), " (%.2f billion)", value / 1e9);
  if (count >= 1'000'000 && count < 1'000'000'000) {
    std::snprintf(about.data(), about.size(), " (%.1f million)", value / 1e6);
  }
  return to_string(count) + about.data();
}

std::string kind_text(const model::T5Folder& t5) {
  const model::T5Config& config = t5.config();
  const bool gated = config.feed_forward == model::FeedForward::gated_gelu;
  std::string head = "head tied to the embedding";
  if (t5.has_head()) {
    head = "head of its own";
    if (config.tie_word_embeddings) head += " (config.json calls it tied: it is if it equals the embedding)";
  }
  return std::string(gated ? "T5 v1.1 or FLAN kind (gated GELU)" : "T5 v1.0 kind (ReLU)") + ", " + head + ", outputs " +
         (config.scale_decoder_outputs ? "scaled by d_model^-0.5" : "not scaled");
}

std::string describe_architecture(const model::T5Config& config) {
  return line("layers",
              to_string(config.num_layers) + " encoder, " + to_string(config.num_decoder_layers) + " decoder") +
         line("width", "d_model " + to_string(config.d_model) + ", " + to_string(config.num_heads) + " heads of d_kv " +
                           to_string(config.d_kv) + " (" + to_string(config.inner()) + "), d_ff " +
                           to_string(config.d_ff)) +
         line("vocabulary",
              to_string(config.vocab_size) + ", decoder starts with " + to_string(config.decoder_start_token_id)) +
         line("positions", to_string(config.relative_attention_num_buckets) + " buckets up to distance " +
                               to_string(config.relative_attention_max_distance)) +
         line("layer norm", "epsilon " + short_number(config.layer_norm_epsilon));
}

std::string describe_weights(const model::T5Folder& t5) {
  std::map<std::string_view, std::pair<std::size_t, std::uint64_t>> types;  // tensors and bytes
  for (const auto& [name, tensor] : t5.weights().tensors()) {
    auto& [tensors, bytes] = types[io::to_string(tensor.dtype)];
    ++tensors;
    bytes += tensor.bytes.size();
  }
  std::string text = line("weights", count_text(t5.parameters()) + "; " + human_bytes(4 * t5.parameters()) +
                                         " of memory as float32, " + human_bytes(2 * t5.parameters()) + " as bfloat16");
  for (const auto& [type, sum] : types) {
    text += line("stored as", std::string(type) + ": " + to_string(sum.first) + " tensors, " + human_bytes(sum.second));
  }
  return text;
}

/// "model.safetensors  1.2 MiB", a line for each file of weights.
std::string describe_files(const model::T5Folder& t5, const std::string& folder) {
  std::string text;
  const auto& files = t5.weights().files();
  for (const io::SafetensorsFile& file : files) {
    const auto status = io::file_status(file.path());
    text += line(text.empty() ? (files.size() == 1 ? "file" : "shards") : "",
                 printable(std::filesystem::path(file.path()).filename().string()) + "  " +
                     human_bytes(status ? status->bytes : 0));
  }
  const bool single = std::filesystem::path(files.front().path()).filename() == "model.safetensors";
  if (single && io::file_status(folder + "/model.safetensors.index.json")) {
    text += line("not used", "model.safetensors.index.json, since there is a model.safetensors");
  }
  return text;
}

std::string describe_tokenizer(const tokenizer::Tokenizer& tokenizer) {
  const std::int64_t pieces = tokenizer.pieces();
  // The sentinel that stands last, if the tokenizer takes it for one.
  const auto last = tokenizer.encode("<extra_id_0>");
  const bool has_sentinels = last.size() == 1 && last.front() >= pieces;
  return line("tokenizer",
              to_string(pieces) + " pieces, " +
                  (has_sentinels ? "sentinels from id " + to_string(pieces) + " to " + to_string(last.front())
                                 : std::string("no sentinels: the vocabulary has no room for them")));
}

std::string describe_scoring(const scoring::ScoringConfig& config) {
  std::string text = std::string(config::enum_name(config.kind));
  if (config.kind == scoring::ScoreKind::pairwise) {
    text += ", labels '" + printable(config.first_label, 60) + "' and '" + printable(config.second_label, 60) + "'";
  }
  text += config.max_input_tokens ? ", inputs of at most " + to_string(*config.max_input_tokens) +
                                        " tokens, prompts cut at the " + std::string(config::enum_name(config.cut))
                                  : std::string(", no limit of inputs");
  text = line("westofn.json", text);
  return config.template_text.empty() ? text : text + line("template", printable(config.template_text, 400));
}

std::string describe_head(const model::SavedHead& saved) {
  return line("reward head", saved.scale
                                 ? "scores have mean " + short_number(saved.scale->mean) + " and standard deviation " +
                                       short_number(saved.scale->standard_deviation)
                                 : std::string("its scale has not been measured"));
}

/// Labels of westofn.json must be pieces of the tokenizer.
void check_labels(const tokenizer::Tokenizer& tokenizer, const scoring::ScoringConfig& config,
                  const std::string& folder) {
  if (config.kind != scoring::ScoreKind::pairwise) return;
  try {
    (void)scoring::PairwiseFormat(tokenizer, config);
  } catch (const ConfigError& error) {
    throw DataError(printable(folder, 1000) + "/westofn.json: " + error.what());
  }
}

}  // namespace

ModelFolder open_model_folder(const std::string& folder) {
  model::T5Folder t5(folder);
  auto tokenizer = tokenizer::Tokenizer::load(folder, t5.config().vocab_size);
  auto scoring = scoring::read_scoring_config(folder);
  if (scoring) check_labels(tokenizer, *scoring, folder);
  std::optional<model::SavedHead> head;
  if (model::has_reward_head(folder) || (scoring && scoring->kind == scoring::ScoreKind::pointwise)) {
    head = model::load_reward_head(folder, t5.config().d_model, at::kCPU);
  }
  return {std::move(t5), std::move(tokenizer), std::move(scoring), std::move(head)};
}

std::string describe_model_folder(const std::string& folder) {
  const ModelFolder opened = open_model_folder(folder);
  std::string text = printable(folder, 1000) + ": " + kind_text(opened.t5) + "\n";
  text += describe_architecture(opened.t5.config());
  text += describe_weights(opened.t5);
  text += describe_files(opened.t5, folder);
  text += describe_tokenizer(opened.tokenizer);
  if (opened.scoring) text += describe_scoring(*opened.scoring);
  if (opened.head) text += describe_head(*opened.head);
  return text +
         "whole by the headers: every weight that config.json asks for is there, in its shape; the numbers are not "
         "read here, loading checks them\n";
}

}  // namespace westofn::chain
