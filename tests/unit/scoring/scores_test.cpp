// SPDX-License-Identifier: Apache-2.0
// The scores against plain formulas: one input at a time, without padding, over the whole vocabulary.
#include "scoring/scores.h"

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace westofn::scoring {
namespace {

using ::testing::DoubleNear;
using ::testing::Pointwise;
using tokenizer::Tokens;

/// Two models: the toy base, and a small relu model with tied weights and scaled outputs.
const std::vector<model::T5>& models() {
  static const std::vector<model::T5> instances = [] {
    model::T5Config tied;
    tied.vocab_size = 40;
    tied.d_model = 12;
    tied.d_kv = 5;
    tied.d_ff = 20;
    tied.num_layers = 2;
    tied.num_decoder_layers = 1;
    tied.num_heads = 2;
    tied.feed_forward = model::FeedForward::relu;
    tied.tie_word_embeddings = true;
    tied.scale_decoder_outputs = true;
    return std::vector{model::T5::load(WESTOFN_TOY_MODEL, {}), model::T5::random(tied, 3, {})};
  }();
  return instances;
}

/// Lists of many lengths, among them equal ones.
std::vector<Tokens> some_tokens(int count, int offset) {
  std::vector<Tokens> lists;
  for (int i = 0; i < count; ++i) {
    Tokens tokens;
    for (int k = 0; k < (i * 7 + offset) % 11; ++k) tokens.push_back(3 + (i * 5 + k * k + offset) % 36);
    tokens.push_back(1);
    lists.push_back(tokens);
  }
  return lists;
}

/// log-softmax over the vocabulary after each token of `target`, for one input alone.
std::vector<std::vector<double>> plain_log_probabilities(const model::T5& model, const Tokens& input,
                                                         const Tokens& target) {
  const at::NoGradGuard no_gradients;
  std::vector<std::int64_t> shifted = {model.config().decoder_start_token_id};
  shifted.insert(shifted.end(), target.begin(), target.end() - 1);
  const auto source = model.encode(model::make_batch(std::vector<Tokens>{input}, at::kCPU));
  const at::Tensor logits = model.logits(model.decode(source, at::tensor(shifted).unsqueeze(0)))[0].contiguous();
  const auto vocabulary = static_cast<std::size_t>(logits.size(1));
  std::vector<std::vector<double>> result;
  for (std::size_t t = 0; t < target.size(); ++t) {
    const std::span<const float> row(logits.const_data_ptr<float>() + t * vocabulary, vocabulary);
    double total = 0;
    for (const float logit : row) total += std::exp(static_cast<double>(logit));
    auto& log_probabilities = result.emplace_back();
    for (const float logit : row) log_probabilities.push_back(logit - std::log(total));
  }
  return result;
}

TEST(LogLikelihoods, AreTheSumOverTheTokensOfTheTarget) {
  const auto inputs = some_tokens(7, 1);
  const auto targets = some_tokens(7, 4);
  for (const auto& model : models()) {
    std::vector<double> expected;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const auto plain = plain_log_probabilities(model, inputs[i], targets[i]);
      double sum = 0;
      for (std::size_t t = 0; t < targets[i].size(); ++t) sum += plain[t][static_cast<std::size_t>(targets[i][t])];
      expected.push_back(sum);
    }
    EXPECT_THAT(log_likelihoods(inference::Engine(model), inputs, targets, {{4, 1000}}),
                Pointwise(DoubleNear(1e-4), expected));
  }
}

TEST(LabelProbabilities, AreTheSoftmaxOverTheTwoLabelsOnly) {
  const auto inputs = some_tokens(7, 2);
  for (const auto& model : models()) {
    std::vector<double> expected;
    for (const auto& input : inputs) {
      const auto first_step = plain_log_probabilities(model, input, {1})[0];
      const double a = std::exp(first_step[10]);
      const double b = std::exp(first_step[23]);
      expected.push_back(a / (a + b));
    }
    EXPECT_THAT(label_probabilities(inference::Engine(model), inputs, 10, 23, {{4, 1000}}),
                Pointwise(DoubleNear(1e-5), expected));
  }
}

TEST(LabelProbabilities, OfSwappedLabelsAddUpToOne) {
  const auto inputs = some_tokens(7, 2);
  const auto p = label_probabilities(inference::Engine(models()[0]), inputs, 10, 23, {});
  const auto q = label_probabilities(inference::Engine(models()[0]), inputs, 23, 10, {});
  for (std::size_t i = 0; i < p.size(); ++i) EXPECT_NEAR(p[i] + q[i], 1, 1e-12);
}

TEST(Rewards, AreALinearFunctionOfTheFirstState) {
  const auto inputs = some_tokens(7, 3);
  for (const auto& model : models()) {
    const model::RewardModel reward_model{model, model::random_head(model, 5), std::nullopt};
    std::vector<double> expected;
    for (const auto& input : inputs) {
      const at::NoGradGuard no_gradients;
      const at::Tensor state =
          model.first_state(model::make_batch(std::vector<Tokens>{input}, at::kCPU))[0].to(at::kDouble);
      double sum = reward_model.head.bias.item<double>();
      for (std::int64_t d = 0; d < state.size(0); ++d) {
        sum += state[d].item<double>() * reward_model.head.weight_D[d].item<double>();
      }
      expected.push_back(sum);
    }
    const RewardEngine engine{inference::Engine(model), reward_model.head, std::nullopt};
    EXPECT_THAT(rewards(engine, inputs, {{4, 1000}}), Pointwise(DoubleNear(1e-5), expected));
  }
}

TEST(Scores, AloneAndInAnyBatchAreTheSameWithinRounding) {
  const auto inputs = some_tokens(12, 1);
  const auto targets = some_tokens(12, 6);
  for (const auto& model : models()) {
    const RewardEngine engine{inference::Engine(model), model::random_head(model, 5), std::nullopt};
    const ScoringRun alone{{1, 1000}};
    for (const ScoringRun& run : {ScoringRun{{5, 1000}}, ScoringRun{{64, 60}}, ScoringRun{}}) {
      EXPECT_THAT(label_probabilities(inference::Engine(model), inputs, 10, 23, run),
                  Pointwise(DoubleNear(1e-5), label_probabilities(inference::Engine(model), inputs, 10, 23, alone)));
      EXPECT_THAT(rewards(engine, inputs, run), Pointwise(DoubleNear(1e-5), rewards(engine, inputs, alone)));
      EXPECT_THAT(log_likelihoods(inference::Engine(model), inputs, targets, run),
                  Pointwise(DoubleNear(1e-4), log_likelihoods(inference::Engine(model), inputs, targets, alone)));
    }
  }
}

TEST(Scores, OfAnEmptyListAreAnEmptyList) {
  EXPECT_TRUE(label_probabilities(inference::Engine(models()[1]), {}, 10, 23, {}).empty());
  EXPECT_TRUE(log_likelihoods(inference::Engine(models()[1]), {}, {}, {}).empty());
}

TEST(Scores, BeatOncePerBatchAndLeaveNoGradients) {
  int beats = 0;
  const auto model = models()[1].clone();
  for (const auto& parameter : model.parameters()) parameter.value.requires_grad_(true);
  (void)label_probabilities(inference::Engine(model), some_tokens(10, 1), 10, 23, {{4, 1000}, [&] { ++beats; }});
  EXPECT_EQ(beats, 3);
  for (const auto& parameter : model.parameters()) EXPECT_FALSE(parameter.value.grad().defined());
}

TEST(LabelLogOdds, HaveTheGradientOfADifferenceQuotient) {
  auto model = models()[1].clone();
  const auto batch = model::make_batch(some_tokens(3, 2), at::kCPU);
  const at::Tensor weight = model.decoder()[0].cross.v;
  weight.requires_grad_(true);
  label_log_odds(model, batch, 10, 23).sum().backward();
  const double slope = weight.grad()[2][3].item<double>();
  const at::NoGradGuard no_gradients;
  const auto value_at = [&](double shift) {
    weight[2][3].add_(shift);
    const double value = label_log_odds(model, batch, 10, 23).sum().item<double>();
    weight[2][3].sub_(shift);
    return value;
  };
  EXPECT_NE(slope, 0);
  EXPECT_NEAR((value_at(0.05) - value_at(-0.05)) / 0.1, slope, 2e-2 * std::abs(slope) + 1e-4);
}

TEST(BothOrders, AverageOutTheBiasOfTheOrder) {
  EXPECT_DOUBLE_EQ(both_orders(0.75, 0.25), 0.75);
  EXPECT_DOUBLE_EQ(both_orders(0.9, 0.9), 0.5);
  EXPECT_DOUBLE_EQ(both_orders(0.2, 0.6), 1 - both_orders(0.6, 0.2));
}

}  // namespace
}  // namespace westofn::scoring
