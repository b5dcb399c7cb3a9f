// SPDX-License-Identifier: Apache-2.0
#include "chain/estimate.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "training/start_model.h"
#include "util/error.h"
#include "util/text.h"

namespace westofn::chain {
namespace {

std::int64_t attention(const model::T5Config& c) { return 4 * c.d_model * c.inner(); }

std::int64_t feed_forward(const model::T5Config& c) {
  return (c.feed_forward == model::FeedForward::gated_gelu ? 3 : 2) * c.d_model * c.d_ff;
}

std::int64_t encoder_matrices(const model::T5Config& c) { return c.num_layers * (attention(c) + feed_forward(c)); }

/// Keys and values of the source, once a source token.
std::int64_t source_matrices(const model::T5Config& c) { return c.num_decoder_layers * 2 * c.d_model * c.inner(); }

/// What one decoder step multiplies with.
std::int64_t decoder_matrices(const model::T5Config& c) {
  return c.num_decoder_layers * (2 * attention(c) + feed_forward(c)) - source_matrices(c) + c.vocab_size * c.d_model;
}

model::T5Config architecture_of(const Experiment& experiment) {
  if (!experiment.policy) {
    throw ConfigError("policy: the experiment has no section `policy`, so there is nothing to estimate");
  }
  if (experiment.policy->model) return model::read_t5_config(*experiment.policy->model);
  return training::config_of(*experiment.policy->architecture, experiment.tokenizer.vocab_size);
}

/// Floating-point operations of the forward pass; a multiply-add counts two, attention scores are left out.
double encode_work(const model::T5Config& c, double tokens) {
  return 2.0 * static_cast<double>(encoder_matrices(c) + source_matrices(c)) * tokens;
}
double decode_work(const model::T5Config& c, double tokens) {
  return 2.0 * static_cast<double>(decoder_matrices(c)) * tokens;
}

/// Comparisons of the tournament: a bracket for the best, one for the worst that shares the first round, a final.
std::int64_t tournament_matches(std::int64_t n) { return (3 * n + 1) / 2 - 2 + 1; }

std::int64_t count_matches(const synthesis::MatchSettings& matches) {
  switch (matches.rule) {
    case selection::Rule::tournament: return tournament_matches(matches.n);
    case selection::Rule::best_random: return tournament_matches(matches.n) + 1;
    case selection::Rule::exact: return matches.n * (matches.n - 1) / 2;
    case selection::Rule::self_training: return 1;
    case selection::Rule::random: return 0;
  }
  return 0;
}

template <class... Values>
std::string line(const char* format, Values... values) {
  std::array<char, 200> text{};
  std::snprintf(text.data(), text.size(), format, values...);
  return std::string(text.data()) + "\n";
}

std::string memory_lines(const char* stage, const TrainingMemory& memory) {
  const auto text = [](std::int64_t bytes) { return human_bytes(static_cast<std::uint64_t>(bytes)); };
  return line("  %-18s weights %s, gradients %s, masters %s, optimizer %s: together %s", stage,
              text(memory.weights).c_str(), text(memory.gradients).c_str(), text(memory.masters).c_str(),
              text(memory.optimizer).c_str(),
              text(memory.weights + memory.gradients + memory.masters + memory.optimizer).c_str());
}

/// Training costs three forward passes of every example.
std::string training_lines(const Experiment& e, const model::T5Config& c) {
  const auto steps = [](const training::TrainSettings& t) { return static_cast<double>(t.steps * t.batch); };
  const auto input = [](std::int64_t tokens) { return static_cast<double>(tokens); };
  const training::PolicySettings& policy = *e.policy;
  const double sft = 3 * steps(policy.train) *
                     (encode_work(c, input(policy.max_input_tokens)) + decode_work(c, input(policy.max_target_tokens)));
  const auto& teacher = e.preference_model;
  const double preference =
      3 * steps(teacher.train) * (encode_work(c, input(teacher.max_input_tokens)) + decode_work(c, 1));
  std::string text = line("  %-18s %.3g", "sft", sft) + line("  %-18s %.3g", "preference", preference);
  for (const auto& [name, model] : e.reward_models) {
    const double work = 6 * steps(model.train) * (encode_work(c, input(model.max_input_tokens)) + decode_work(c, 1));
    text += line("  %-18s %.3g", ("reward-" + name).c_str(), work);
  }
  return text;
}

std::string synthesis_lines(const Experiment& e, const model::T5Config& c) {
  const auto prompt = static_cast<double>(e.generation.max_input_tokens.value_or(e.policy->max_input_tokens));
  const double written = static_cast<double>(e.generation.n * e.generation.max_new_tokens);
  std::string text = line("  %-18s %.3g  (%lld responses)", "pools", encode_work(c, prompt) + decode_work(c, written),
                          static_cast<long long>(e.generation.n));
  for (const auto& [name, recipe] : e.recipes) {
    const double orders = recipe.matches.orders == synthesis::Orders::both ? 2 : 1;
    const auto matches = static_cast<double>(count_matches(recipe.matches));
    const double each = encode_work(c, static_cast<double>(e.preference_model.max_input_tokens)) + decode_work(c, 1);
    text += line("  %-18s %.3g  (at most %.0f matches)", ("recipe-" + name).c_str(), matches * orders * each, matches);
  }
  return text;
}

}  // namespace

std::int64_t count_parameters(const model::T5Config& c) {
  const std::int64_t embeddings = c.vocab_size * c.d_model * (c.tie_word_embeddings ? 1 : 2);
  const std::int64_t decoder = c.num_decoder_layers * (2 * attention(c) + feed_forward(c));
  const std::int64_t norms = c.d_model * (2 * c.num_layers + 3 * c.num_decoder_layers + 2);
  return embeddings + encoder_matrices(c) + decoder + norms + 2 * c.relative_attention_num_buckets * c.num_heads;
}

TrainingMemory training_memory(const model::T5Config& config, const training::TrainSettings& train,
                               const model::RuntimeSettings& runtime, int ranks) {
  const std::int64_t count = count_parameters(config);
  const std::int64_t parts = (train.batch + runtime.micro_batch - 1) / runtime.micro_batch;
  const std::int64_t mine = (parts + ranks - 1) / ranks;
  TrainingMemory memory;
  memory.weights = count * (runtime.dtype == model::ComputeType::bfloat16 ? 2 : 4);
  memory.gradients = count * (4 * mine + 8);
  memory.masters = count * 2 * 4 / ranks;
  // Adafactor keeps a row and a column for each matrix: next to nothing.
  memory.optimizer = train.optimizer == training::OptimizerKind::adamw ? count * 2 * 4 / ranks : count / 500 / ranks;
  return memory;
}

std::string estimate(const Experiment& experiment, int ranks) {
  const model::T5Config config = architecture_of(experiment);
  const auto memory = [&](const training::TrainSettings& train) {
    return training_memory(config, train, experiment.runtime, ranks);
  };
  std::string text = line("model: %.4g million weights", static_cast<double>(count_parameters(config)) / 1e6);
  text += line("\nmemory of one of %d ranks in training, without activations:", ranks);
  text += memory_lines("sft", memory(experiment.policy->train));
  text += memory_lines("preference", memory(experiment.preference_model.train));
  for (const auto& [name, model] : experiment.reward_models) {
    text += memory_lines(("reward-" + name).c_str(), memory(model.train));
  }
  text += "\nfloating-point operations of training, if every input is as long as its limit:\n";
  text += training_lines(experiment, config);
  text += "\nfloating-point operations for one unlabelled prompt, likewise:\n" + synthesis_lines(experiment, config);
  text += "\nA step of n operations takes n / (ranks x speed of a rank) seconds; measure the speed on a short run.\n";
  return text;
}

}  // namespace westofn::chain
