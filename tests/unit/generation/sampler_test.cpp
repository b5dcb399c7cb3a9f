// SPDX-License-Identifier: Apache-2.0
#include "generation/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "support/expect_error.h"
#include "util/philox.h"

namespace westofn::generation {
namespace {

using ::testing::ElementsAre;

constexpr tokenizer::TokenId end_id = 1;

SamplingSettings with_temperature(double temperature) {
  SamplingSettings settings;
  settings.temperature = temperature;
  return settings;
}

std::vector<float> random_logits(std::size_t size, std::string_view name) {
  RandomSequence random(Philox("test", 1, 0, name));
  std::vector<float> logits(size);
  for (float& logit : logits) logit = static_cast<float>(12 * random.uniform() - 6);
  return logits;
}

/// Plain softmax of some ids (all others 0) at a temperature.
std::vector<double> softmax(const std::vector<float>& logits, double temperature, const std::set<std::size_t>& ids) {
  std::vector<double> p(logits.size(), 0);
  double total = 0;
  for (const auto id : ids) total += std::exp(logits[id] / temperature);
  for (const auto id : ids) p[id] = std::exp(logits[id] / temperature) / total;
  return p;
}

std::set<std::size_t> all_ids(std::size_t size) {
  std::set<std::size_t> ids;
  for (std::size_t id = 0; id < size; ++id) ids.insert(id);
  return ids;
}

std::size_t first_above(const std::vector<double>& p, double uniform) {
  double sum = 0;
  for (std::size_t id = 0; id < p.size(); ++id) {
    sum += p[id];
    if (sum > uniform) return id;
  }
  return p.size() - 1;
}

/// The share of an even grid of uniforms that gives each id: its probability within 1 / grid.
std::vector<double> shares(Sampler& sampler, const std::vector<float>& logits, EndToken end = EndToken::allowed) {
  constexpr int grid = 20000;
  std::vector<double> shares(logits.size(), 0);
  for (int i = 0; i < grid; ++i) {
    const Draw draw = sampler.draw(logits, (i + 0.5) / grid, end);
    shares[static_cast<std::size_t>(draw.token)] += 1.0 / grid;
  }
  return shares;
}

TEST(Sampler, DrawsTheFirstIdWhoseCumulativeProbabilityIsAboveTheUniform) {
  RandomSequence random(Philox("test", 2, 0, ""));
  for (const double temperature : {0.3, 0.7, 1.0, 2.0}) {
    Sampler sampler(with_temperature(temperature), end_id);
    for (int i = 0; i < 200; ++i) {
      const auto logits = random_logits(50, std::to_string(i));
      const double uniform = random.uniform();
      const auto expected = first_above(softmax(logits, temperature, all_ids(50)), uniform);
      EXPECT_EQ(static_cast<std::size_t>(sampler.draw(logits, uniform, EndToken::allowed).token), expected);
    }
  }
}

TEST(Sampler, GivesTheEndsOfTheUniformToTheFirstAndTheLastPossibleId) {
  Sampler sampler(with_temperature(1), end_id);
  const float never = -std::numeric_limits<float>::infinity();
  const std::vector<float> logits = {never, 0, 1, 2, never};
  EXPECT_EQ(sampler.draw(logits, 0, EndToken::allowed).token, 1);
  EXPECT_EQ(sampler.draw(logits, 1 - 0x1p-53, EndToken::allowed).token, 3);
  EXPECT_EQ(sampler.draw(logits, 0, EndToken::masked).token, 2);
}

TEST(Sampler, ReportsTheLikelihoodAtTemperatureOneWhateverIsCutOrMasked) {
  const auto logits = random_logits(30, "likelihood");
  const auto p = softmax(logits, 1, all_ids(30));
  SamplingSettings settings = with_temperature(0.5);
  settings.top_k = 7;
  settings.top_p = 0.8;
  Sampler sampler(settings, end_id);
  for (double uniform = 0; uniform < 1; uniform += 0.05) {
    const Draw draw = sampler.draw(logits, uniform, EndToken::masked);
    EXPECT_NEAR(draw.log_likelihood, std::log(p[static_cast<std::size_t>(draw.token)]), 1e-7)
        << "exponentials are taken in float32";
  }
}

TEST(Sampler, TakesTheLowestOfTheLargestLogitsAtTemperatureZero) {
  Sampler sampler(with_temperature(0), end_id);
  const std::vector<float> logits = {1, 5, 3, 5, 3};
  for (const double uniform : {0.0, 0.5, 0.999}) {
    EXPECT_EQ(sampler.draw(logits, uniform, EndToken::allowed).token, 1);
    EXPECT_EQ(sampler.draw(logits, uniform, EndToken::masked).token, 3);
  }
}

TEST(Sampler, NeverDrawsAMaskedEndTokenAlsoWhenAllOthersAreUnlikely) {
  for (const double temperature : {0.0, 0.01, 1.0}) {
    Sampler sampler(with_temperature(temperature), end_id);
    const std::vector<float> logits = {-100, 900, -101, -300};
    const Draw draw = sampler.draw(logits, 0.1, EndToken::masked);
    EXPECT_EQ(draw.token, 0);
    EXPECT_DOUBLE_EQ(draw.log_likelihood, -1000);
  }
}

TEST(Sampler, MasksTheEndTokenAndRenormalisesTheOthers) {
  const auto logits = random_logits(8, "mask");
  Sampler sampler(with_temperature(0.7), end_id);
  auto others = all_ids(8);
  others.erase(end_id);
  const auto expected = softmax(logits, 0.7, others);
  const auto found = shares(sampler, logits, EndToken::masked);
  for (std::size_t id = 0; id < 8; ++id) EXPECT_NEAR(found[id], expected[id], 1e-4) << id;
}

TEST(Sampler, TopKDrawsAmongTheKLikeliestOfWhichEqualOnesCountByTheirId) {
  const std::vector<float> logits = {0, 2, 1, 1, -1, 1};
  SamplingSettings settings = with_temperature(0.7);
  settings.top_k = 3;
  Sampler sampler(settings, end_id);
  const auto expected = softmax(logits, 0.7, {1, 2, 3});
  const auto found = shares(sampler, logits);
  for (std::size_t id = 0; id < logits.size(); ++id) EXPECT_NEAR(found[id], expected[id], 1e-4) << id;
}

TEST(Sampler, TopPDrawsAmongTheFewestLikeliestThatReachIt) {
  const std::vector<float> logits = {std::log(0.15F), std::log(0.4F), std::log(0.05F), std::log(0.3F), std::log(0.1F)};
  const auto kept = [&](double top_p) {
    SamplingSettings settings = with_temperature(1);
    settings.top_p = top_p;
    Sampler sampler(settings, end_id);
    const auto found = shares(sampler, logits);
    std::vector<int> rounded;
    for (const double share : found) rounded.push_back(static_cast<int>(std::lround(100 * share)));
    return rounded;
  };
  EXPECT_THAT(kept(0.001), ElementsAre(0, 100, 0, 0, 0));
  EXPECT_THAT(kept(0.39), ElementsAre(0, 100, 0, 0, 0));
  EXPECT_THAT(kept(0.41), ElementsAre(0, 57, 0, 43, 0));
  EXPECT_THAT(kept(0.75), ElementsAre(18, 47, 0, 35, 0));
  EXPECT_THAT(kept(1), ElementsAre(15, 40, 5, 30, 10));
}

TEST(Sampler, AppliesTopPToWhatTopKLeaves) {
  const std::vector<float> logits = {std::log(0.4F), std::log(0.1F), std::log(0.3F), std::log(0.2F)};
  SamplingSettings settings = with_temperature(1);
  settings.top_k = 2;
  settings.top_p = 0.5;  // 0.4 / 0.7 alone reaches it
  Sampler sampler(settings, end_id);
  EXPECT_THAT(shares(sampler, logits), ElementsAre(::testing::DoubleNear(1, 1e-9), 0, 0, 0));
}

TEST(Sampler, RefusesLogitsThatAreNotNumbers) {
  Sampler sampler(with_temperature(1), end_id);
  for (const float bad : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
    testing::expect_data_error(
        [&] {
          (void)sampler.draw(std::vector<float>{0, 1, bad, 2}, 0.5, EndToken::allowed);
        },
        "not finite");
  }
}

TEST(Sampler, FollowsTheSoftmaxWithRandomNumbersOfOneStream) {
  const auto logits = random_logits(10, "chi");
  const auto p = softmax(logits, 1, all_ids(10));
  Sampler sampler(with_temperature(1), end_id);
  const Philox philox("sample", 3, 0, "prompt");
  constexpr int draws = 50000;
  std::vector<double> counts(10, 0);
  for (std::uint32_t k = 0; k < draws; ++k) {
    ++counts[static_cast<std::size_t>(sampler.draw(logits, philox.uniform(k, 0), EndToken::allowed).token)];
  }
  double chi_square = 0;
  for (std::size_t id = 0; id < 10; ++id) chi_square += std::pow(counts[id] - draws * p[id], 2) / (draws * p[id]);
  EXPECT_LT(chi_square, 27.9);  // 9 degrees of freedom: 0.1 %
}

}  // namespace
}  // namespace westofn::generation
