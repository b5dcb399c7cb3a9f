// SPDX-License-Identifier: Apache-2.0
#include "generation/generate.h"

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "util/philox.h"

namespace westofn::generation {
namespace {

const std::string folder = WESTOFN_TOY_MODEL;

/// The toy base model with prompts of several lengths, one of them empty.
struct World {
  model::T5 model = model::T5::load(folder, {});
  inference::Engine engine = inference::Engine::load(folder, {});
  inference::Engine as_on_a_gpu{model, {}, inference::Choice::tensors};
  tokenizer::Tokenizer tokenizer = tokenizer::Tokenizer::load(folder, model.config().vocab_size);
  std::vector<PromptInput> prompts;

  World() {
    at::set_num_threads(1);  // small products: more threads only wait for one another
    const std::vector<std::string> texts = {"the cat was at home today", "", "she saw",
                                            "my friend went to the old city"};
    for (std::size_t i = 0; i < texts.size(); ++i) {
      prompts.push_back({"id" + std::to_string(i), tokenizer.encode_with_end(texts[i])});
    }
  }
  [[nodiscard]] std::vector<std::vector<Sample>> write(const SamplingSettings& settings,
                                                       std::int64_t rows = 512) const {
    return generate(engine, tokenizer, prompts, settings, {rows, [] {}});
  }
};

const World& world() {
  static const World instance;
  return instance;
}

SamplingSettings some_settings() {
  SamplingSettings settings;
  settings.n = 6;
  settings.temperature = 1.3;
  settings.max_new_tokens = 12;
  settings.seed = 5;
  return settings;
}

/// Logits after a prefix, by a full pass over everything, for one prompt alone.
std::vector<float> plain_logits(const PromptInput& prompt, const std::vector<std::int32_t>& prefix) {
  const at::NoGradGuard no_grad;
  std::vector<std::int64_t> inputs = {world().model.config().decoder_start_token_id};
  inputs.insert(inputs.end(), prefix.begin(), prefix.end());
  const auto source = world().model.encode(model::make_batch(std::vector<tokenizer::Tokens>{prompt.tokens}, at::kCPU));
  const at::Tensor states = world().model.decode(source, at::tensor(inputs).unsqueeze(0));
  const at::Tensor logits = world().model.logits(states)[0][-1].contiguous();
  return {logits.const_data_ptr<float>(), logits.const_data_ptr<float>() + logits.numel()};
}

double plain_log_probability(const std::vector<float>& logits, std::int32_t token) {
  double total = 0;
  for (const float logit : logits) total += std::exp(static_cast<double>(logit));
  return logits[static_cast<std::size_t>(token)] - std::log(total);
}

/// The method as it is written down: one sample at a time, nothing remembered.
Sample plain_sample(const PromptInput& prompt, const SamplingSettings& settings, std::int32_t number) {
  Sample sample;
  sample.number = number;
  const Philox philox("sample", settings.seed, settings.round, prompt.id);
  while (std::ssize(sample.tokens) < settings.max_new_tokens && !sample.finished) {
    const auto position = static_cast<std::uint32_t>(sample.tokens.size());
    const auto logits = plain_logits(prompt, sample.tokens);
    std::vector<double> p;
    double total = 0;
    for (std::size_t id = 0; id < logits.size(); ++id) {
      const bool masked = id == 1 && std::ssize(sample.tokens) < settings.min_new_tokens;
      p.push_back(masked ? 0 : std::exp(logits[id] / settings.temperature));
      total += p.back();
    }
    const double uniform = philox.uniform(static_cast<std::uint32_t>(number), position);
    std::int32_t token = 0;
    double sum = p[0] / total;
    while (sum <= uniform) sum += p[static_cast<std::size_t>(++token)] / total;
    sample.tokens.push_back(token);
    sample.log_likelihood += plain_log_probability(logits, token);
    sample.finished = token == 1;
  }
  return sample;
}

void expect_same(const Sample& found, const Sample& expected) {
  EXPECT_EQ(found.number, expected.number);
  EXPECT_EQ(found.tokens, expected.tokens);
  EXPECT_EQ(found.finished, expected.finished);
  EXPECT_NEAR(found.log_likelihood, expected.log_likelihood, 1e-4);
}

TEST(Generate, EqualsAPlainSamplerThatRemembersNothing) {
  const SamplingSettings settings = some_settings();
  const auto pools = world().write(settings);
  ASSERT_EQ(pools.size(), world().prompts.size());
  for (std::size_t i = 0; i < pools.size(); ++i) {
    ASSERT_EQ(pools[i].size(), 6U);
    for (std::int32_t k = 0; k < 6; ++k) {
      const Sample& sample = pools[i][static_cast<std::size_t>(k)];
      expect_same(sample, plain_sample(world().prompts[i], settings, k));
      EXPECT_EQ(sample.response, world().tokenizer.decode(sample.tokens));
    }
  }
}

TEST(Generate, LetsSomeSamplesEndAndOthersReachTheLimitInThatTest) {
  // Otherwise the comparison above would not see ended rows leave the batch.
  int finished = 0;
  int unfinished = 0;
  for (const auto& pool : world().write(some_settings())) {
    for (const Sample& sample : pool) ++(sample.finished ? finished : unfinished);
  }
  EXPECT_GT(finished, 3);
  EXPECT_GT(unfinished, 3);
}

TEST(Generate, GivesASampleTheSameTokensWhateverElseIsAskedFor) {
  const auto reference = world().write(some_settings());
  for (const std::int64_t rows : {1, 4, 13}) {
    const auto pools = world().write(some_settings(), rows);
    for (std::size_t i = 0; i < pools.size(); ++i) {
      for (std::size_t k = 0; k < 6; ++k) expect_same(pools[i][k], reference[i][k]);
    }
  }
  SamplingSettings two = some_settings();
  two.n = 2;
  two.first_sample = 3;
  std::vector<PromptInput> reversed(world().prompts.rbegin(), world().prompts.rend() - 1);
  const auto pools = generate(world().engine, world().tokenizer, reversed, two, {});
  ASSERT_EQ(pools.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t k = 0; k < 2; ++k) expect_same(pools[i][k], reference[3 - i][3 + k]);
  }
}

TEST(Generate, WritesTheSameSamplesWithTensorsAsOnAGpu) {
  const auto reference = world().write(some_settings());
  for (const std::int64_t rows : {512, 13, 4, 1}) {
    const auto pools =
        generate(world().as_on_a_gpu, world().tokenizer, world().prompts, some_settings(), {rows, [] {}});
    for (std::size_t i = 0; i < pools.size(); ++i) {
      for (std::size_t k = 0; k < 6; ++k) expect_same(pools[i][k], reference[i][k]);
    }
  }
}

TEST(Generate, GivesASampleTheSameBitsHoweverManyAreWrittenAtOnce) {
  const auto reference = world().write(some_settings());
  for (const std::int64_t rows : {1, 5, 7}) {
    const auto pools = world().write(some_settings(), rows);
    for (std::size_t i = 0; i < pools.size(); ++i) {
      for (std::size_t k = 0; k < 6; ++k) EXPECT_EQ(pools[i][k].log_likelihood, reference[i][k].log_likelihood);
    }
  }
}

TEST(Generate, IsRepeatableToTheLastBit) {
  const auto once = world().write(some_settings());
  const auto again = world().write(some_settings());
  for (std::size_t i = 0; i < once.size(); ++i) {
    for (std::size_t k = 0; k < 6; ++k) {
      EXPECT_EQ(once[i][k].tokens, again[i][k].tokens);
      EXPECT_EQ(once[i][k].log_likelihood, again[i][k].log_likelihood);
    }
  }
}

TEST(Generate, DrawsOtherSamplesForAnotherSeedRoundOrPurpose) {
  const auto reference = world().write(some_settings());
  SamplingSettings seed = some_settings(), round = some_settings(), purpose = some_settings();
  seed.seed = 6;
  round.round = 1;
  purpose.purpose = "other";
  for (const auto& settings : {seed, round, purpose}) {
    const auto pools = world().write(settings);
    int equal = 0;
    for (std::size_t k = 0; k < 6; ++k) equal += pools[0][k].tokens == reference[0][k].tokens ? 1 : 0;
    EXPECT_LT(equal, 3);
  }
}

TEST(Generate, TakesTheLikeliestTokensAtTemperatureZero) {
  SamplingSettings settings = some_settings();
  settings.temperature = 0;
  settings.n = 3;
  const auto pools = world().write(settings);
  for (std::size_t i = 0; i < pools.size(); ++i) {
    std::vector<std::int32_t> expected;
    while (std::ssize(expected) < settings.max_new_tokens && (expected.empty() || expected.back() != 1)) {
      const auto logits = plain_logits(world().prompts[i], expected);
      expected.push_back(static_cast<std::int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin()));
    }
    for (const Sample& sample : pools[i]) EXPECT_EQ(sample.tokens, expected);
  }
}

TEST(Generate, CountsTheEndTokenInTheLimitAndNothingAfterIt) {
  SamplingSettings settings = some_settings();
  settings.n = 40;
  for (const std::int64_t limit : {1, 2, 9}) {
    settings.max_new_tokens = limit;
    for (const auto& pool : world().write(settings)) {
      for (const Sample& sample : pool) {
        EXPECT_LE(std::ssize(sample.tokens), limit);
        EXPECT_EQ(sample.finished, sample.tokens.back() == 1);
        EXPECT_EQ(std::count(sample.tokens.begin(), sample.tokens.end(), 1), sample.finished ? 1 : 0);
        if (!sample.finished) {
          EXPECT_EQ(std::ssize(sample.tokens), limit);
        }
      }
    }
  }
}

TEST(Generate, WritesTheWantedNumberOfTokensBeforeTheEndAndDrawsThemAsThePlainSamplerDoes) {
  SamplingSettings settings = some_settings();
  settings.min_new_tokens = 8;
  const auto pools = world().write(settings);
  for (std::size_t i = 0; i < pools.size(); ++i) {
    for (std::int32_t k = 0; k < 6; ++k) {
      const Sample& sample = pools[i][static_cast<std::size_t>(k)];
      EXPECT_GE(std::ssize(sample.tokens), 8);
      expect_same(sample, plain_sample(world().prompts[i], settings, k));
    }
  }
}

TEST(Generate, DrawsFirstTokensWithTheirProbabilities) {
  SamplingSettings settings = some_settings();
  settings.n = 4000;
  settings.max_new_tokens = 1;
  settings.temperature = 1;
  const PromptInput& prompt = world().prompts[0];
  const auto pool = generate(world().engine, world().tokenizer, std::span(&prompt, 1), settings, {}).at(0);
  const auto logits = plain_logits(prompt, {});
  std::vector<double> counts(logits.size(), 0);
  for (const Sample& sample : pool) ++counts[static_cast<std::size_t>(sample.tokens.at(0))];
  double chi_square = 0, rest_expected = 4000, rest_found = 4000;
  int cells = 0;
  for (std::size_t id = 0; id < logits.size(); ++id) {
    const double expected = 4000 * std::exp(plain_log_probability(logits, static_cast<std::int32_t>(id)));
    if (expected < 10) continue;  // rare tokens are one cell
    chi_square += std::pow(counts[id] - expected, 2) / expected;
    rest_expected -= expected;
    rest_found -= counts[id];
    ++cells;
  }
  chi_square += std::pow(rest_found - rest_expected, 2) / std::max(rest_expected, 1.0);
  ASSERT_GT(cells, 2);
  EXPECT_LT(chi_square, cells + 4 * std::sqrt(2.0 * cells));
}

TEST(Generate, BeatsBeforeEveryToken) {
  SamplingSettings settings = some_settings();
  settings.min_new_tokens = settings.max_new_tokens = 5;
  int beats = 0;
  (void)generate(world().engine, world().tokenizer, world().prompts, settings, {512, [&] { ++beats; }});
  EXPECT_EQ(beats, 5);
}

TEST(Generate, WorksInBfloat16) {
  const inference::Engine engine = inference::Engine::load(folder, {at::kCPU, at::kBFloat16});
  SamplingSettings settings = some_settings();
  for (const auto& pool : generate(engine, world().tokenizer, world().prompts, settings, {})) {
    for (const Sample& sample : pool) {
      EXPECT_FALSE(sample.tokens.empty());
      EXPECT_TRUE(std::isfinite(sample.log_likelihood));
      EXPECT_LT(sample.log_likelihood, 0);
    }
  }
}

}  // namespace
}  // namespace westofn::generation
