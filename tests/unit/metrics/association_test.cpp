// SPDX-License-Identifier: Apache-2.0
// Expected values by hand, or from the plain definitions.
#include "metrics/association.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "util/philox.h"

namespace westofn::metrics {
namespace {

constexpr IntervalOptions options{.resamples = 1000, .level = 0.95, .seed = 3};

std::vector<std::int64_t> alone(std::size_t count) {
  std::vector<std::int64_t> groups(count);
  std::iota(groups.begin(), groups.end(), 0);
  return groups;
}

/// Outcomes on which the first model alone is right `a` times, the second `b` times; ties and missing ones besides.
McNemar test_of(int a, int b) {
  std::vector<double> first(static_cast<std::size_t>(a), 1.0);
  std::vector<double> second(static_cast<std::size_t>(a), 0.0);
  first.insert(first.end(), static_cast<std::size_t>(b), 0.5);
  second.insert(second.end(), static_cast<std::size_t>(b), 1.0);
  for (const double same : {0.0, 0.5, 1.0, no_value}) {
    first.push_back(same);
    second.push_back(same);
  }
  first.push_back(1);
  second.push_back(no_value);
  return mcnemar(first, second);
}

/// The sum of all outcomes at most as likely as this one: the definition, in exact numbers.
double plain_p(int a, int b) {
  const int n = a + b;
  const auto choose = [&](int k) {
    double product = 1;
    for (int i = 0; i < k; ++i) product = product * (n - i) / (i + 1);
    return product;
  };
  double sum = 0;
  for (int k = 0; k <= n; ++k) {
    if (choose(k) <= choose(a) * (1 + 1e-12)) sum += choose(k);
  }
  return std::min(1.0, sum / std::pow(2.0, n));
}

TEST(McNemar, IsTheExactBinomialTestOfThePairsThatDiffer) {
  for (int a = 0; a <= 12; ++a) {
    for (int b = 0; b <= 12; ++b) {
      const McNemar found = test_of(a, b);
      EXPECT_EQ(found.only_first, a);
      EXPECT_EQ(found.only_second, b);
      EXPECT_NEAR(found.p_value, plain_p(a, b), 1e-12) << a << " " << b;
    }
  }
}

// P(at most 1050 of 2200) is that of a normal distribution to a few thousandths: z = -49.5 / sqrt(550) = -2.1107.
TEST(McNemar, KeepsItsDigitsForThousandsOfPairs) {
  EXPECT_NEAR(test_of(1050, 1150).p_value, std::erfc(2.1107 / std::sqrt(2.0)), 1e-4);
  EXPECT_NEAR(test_of(100000, 100000).p_value, 1, 1e-12);
  EXPECT_LT(test_of(0, 2000).p_value, 1e-300);
}

TEST(AverageRanks, ShareTheMeanOfEqualValues) {
  EXPECT_EQ(average_ranks(std::vector<double>{3, 1, 3, 2}), (std::vector<double>{3.5, 1, 3.5, 2}));
  const auto ranks = average_ranks(std::vector<double>{5, no_value, 4});
  EXPECT_EQ(ranks[0], 2);
  EXPECT_TRUE(std::isnan(ranks[1]));
  EXPECT_EQ(ranks[2], 1);
}

// 1 - 6 sum d^2 / (n (n^2 - 1)) without ties: d = 1, -1, 1, -1, 0 gives 1 - 24 / 120 = 0.8.
TEST(RankCorrelation, IsThatOfSpearman) {
  const std::vector<double> x = {1, 2, 3, 4, 5};
  const std::vector<double> y = {20, 10, 400, 300, 5000};
  EXPECT_NEAR(rank_correlation(x, y, alone(5), options).value, 0.8, 1e-12);
  const std::vector<double> falling = {9, 7, 5, 3, 1};
  EXPECT_NEAR(rank_correlation(x, falling, alone(5), options).value, -1, 1e-12);
  EXPECT_NEAR(rank_correlation(x, std::vector<double>{1, 2, 2, 3, 3}, alone(5), options).value, 0.9486832980505138,
              1e-12);
}

TEST(RankCorrelation, LeavesOutPlacesWithoutAValueAndSaysNothingOfConstants) {
  const std::vector<double> x = {1, 2, no_value, 3, 4};
  const std::vector<double> y = {1, 2, 3, no_value, 5};
  const Estimate found = rank_correlation(x, y, alone(5), options);
  EXPECT_EQ(found.count, 3);
  EXPECT_NEAR(found.value, 1, 1e-12);
  EXPECT_TRUE(std::isnan(rank_correlation(x, std::vector<double>(5, 2.0), alone(5), options).value));
  EXPECT_TRUE(std::isnan(rank_correlation({}, {}, {}, options).value));
  EXPECT_TRUE(std::isnan(rank_correlation(x, y, std::vector<std::int64_t>(5, 0), options).low)) << "one group";
}

/// Of independent values the interval holds 0 in about 95 of 100 cases, of dependent ones never.
TEST(RankCorrelation, HasAnIntervalThatCovers) {
  int covered = 0;
  constexpr int trials = 200;
  for (int trial = 0; trial < trials; ++trial) {
    RandomSequence random(Philox("association", 1, 0, std::to_string(trial)));
    std::vector<double> x, y, z;
    for (int i = 0; i < 200; ++i) {
      x.push_back(random.uniform());
      y.push_back(random.uniform());
      z.push_back(x.back() + random.uniform());
    }
    const Estimate independent = rank_correlation(x, y, alone(200), options);
    covered += independent.low <= 0 && independent.high >= 0 ? 1 : 0;
    EXPECT_GT(rank_correlation(x, z, alone(200), options).low, 0.5);
  }
  // 95 % of 200 is 190 with a standard deviation of 3.1; a resampling of ranks is a little too narrow.
  EXPECT_GE(covered, 178);
  EXPECT_LE(covered, 199);
}

}  // namespace
}  // namespace westofn::metrics
