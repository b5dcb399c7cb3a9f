// SPDX-License-Identifier: Apache-2.0
// The toy world has the statistics of its specification.
#include "world/statistics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>

namespace westofn::world {
namespace {

constexpr std::int64_t items = 4000;

const ToyWorldStatistics& measured() {
  static const ToyWorldStatistics statistics = measure_toy_world(ToyWorldSettings{}, items);
  return statistics;
}

/// Five standard errors of the mean of `items` values.
double five_errors(double deviation) { return 5 * deviation / std::sqrt(static_cast<double>(items)); }

// Expected numbers: 400,000 draws of the world's reference implementation (its specification rounds those of a smaller
// sample: novice -0.78, 9.2 words, agreement 88 % with equal golds as disagreement). Tolerances: five standard errors.
TEST(Statistics, GoldRewardBySkill) {
  const std::array<MeanAndDeviation, 3> expected = {{{-0.742, 1.381}, {0.722, 1.168}, {1.816, 0.853}}};
  for (std::size_t s = 0; s < expected.size(); ++s) {
    const double error = five_errors(expected[s].deviation);
    EXPECT_NEAR(measured().skill_gold[s].mean, expected[s].mean, error) << skill_name(toy_skills[s]);
    // The error of a deviation is that of the mean times sqrt((kurtosis - 1) / 4): 0.7 for a normal distribution, 1.4
    // for a kurtosis of 9, more than the experts have.
    EXPECT_NEAR(measured().skill_gold[s].deviation, expected[s].deviation, 1.4 * error) << skill_name(toy_skills[s]);
  }
}

TEST(Statistics, Lengths) {
  EXPECT_EQ(measured().longest_post, 37U);
  EXPECT_NEAR(measured().response_words.mean, 9.02, five_errors(2.96));
  EXPECT_LE(measured().longest_response, 18U);
}

TEST(Statistics, Labels) {
  EXPECT_NEAR(measured().label_agreement, 0.891, five_errors(0.312));             // sqrt(p (1 - p)), as an upper bound
  EXPECT_NEAR(measured().confident_agreement, 0.992, five_errors(0.089) * 1.42);  // half of the items
  EXPECT_NEAR(measured().longer_preferred, 0.523, five_errors(0.5));
}

TEST(DescribeToyWorld, ShowsPartsAndNumbers) {
  ToyWorldStatistics statistics;
  statistics.items = 10;
  statistics.skill_gold = {{{-0.784, 1.39}, {0.72, 1.16}, {1.81, 0.84}}};
  statistics.post_words = {29.3, 4};
  statistics.longest_post = 37;
  statistics.response_words = {9.2, 3};
  statistics.longest_response = 16;
  statistics.label_agreement = 0.879;
  statistics.confident_agreement = 0.993;
  statistics.longer_preferred = 0.53;
  EXPECT_EQ(describe_toy_world(ToyWorldSettings{}, statistics), R"(toy world, seed 1
  demonstrations.jsonl          6000 rows
  pairs-labelled.jsonl           600 rows
  pairs-other.jsonl              600 rows
  pairs-validation.jsonl        1500 rows
  pairs-test.jsonl              2000 rows
  prompts-unlabelled.jsonl       600 rows
  prompts-test.jsonl             200 rows
measured on 10 items of each kind
  gold reward, mean (sd)    novice -0.78 (1.39), average 0.72 (1.16), expert 1.81 (0.84)
  words of a post           29.3, at most 37
  words of a response       9.2, at most 16
  labels agree with gold    87.9 %, in the confident half 99.3 %
  longer response chosen    53.0 %
)");
}

}  // namespace
}  // namespace westofn::world
