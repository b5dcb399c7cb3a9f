// SPDX-License-Identifier: Apache-2.0
#include "training/start_model.h"

#include <limits>
#include <utility>

namespace westofn::training {
namespace {

/// Vocabularies are padded to a multiple of this, which makes products with them faster.
constexpr std::int64_t vocabulary_step = 64;

}  // namespace

model::T5Config config_of(const ArchitectureSettings& s, std::int64_t pieces) {
  model::T5Config config;
  config.vocab_size = (pieces + vocabulary_step - 1) / vocabulary_step * vocabulary_step;
  config.d_model = s.d_model;
  config.d_kv = s.d_kv;
  config.d_ff = s.d_ff;
  config.num_layers = s.num_layers;
  config.num_decoder_layers = s.num_decoder_layers;
  config.num_heads = s.num_heads;
  config.feed_forward = s.feed_forward;
  return config;
}

LoadedModel load_start_model(const StartModel& start, std::uint64_t seed, model::Placement placement) {
  const std::string& folder = start.folder.folder;
  if (!start.architecture) {
    model::T5 t5 = model::T5::load(folder, placement);
    tokenizer::Tokenizer tokenizer = tokenizer::Tokenizer::load(folder, t5.config().vocab_size);
    return {std::move(t5), std::move(tokenizer)};
  }
  // How many pieces there are is known only once the tokenizer is loaded.
  const auto any_size = std::int64_t{std::numeric_limits<tokenizer::TokenId>::max()};
  const std::int64_t pieces = tokenizer::Tokenizer::load(folder, any_size).pieces();
  const model::T5Config config = config_of(*start.architecture, pieces);
  return {model::T5::random(config, seed, placement), tokenizer::Tokenizer::load(folder, config.vocab_size)};
}

}  // namespace westofn::training
