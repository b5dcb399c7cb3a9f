// SPDX-License-Identifier: Apache-2.0
#include "metrics/best_of_n.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <numeric>

#include "metrics/interval.h"
#include "util/philox.h"

namespace westofn::metrics {
namespace {

/// The mean of `values` of the highest score over all subsets of n samples; equal scores: the highest number.
double over_all_subsets(const std::vector<double>& scores, const std::vector<double>& values, int n) {
  double sum = 0;
  int subsets = 0;
  for (unsigned members = 0; members < (1U << scores.size()); ++members) {
    if (std::popcount(members) != n) continue;
    std::size_t best = scores.size();
    for (std::size_t i = 0; i < scores.size(); ++i) {
      if ((members >> i & 1U) != 0 && (best == scores.size() || scores[i] >= scores[best])) best = i;
    }
    sum += values[best];
    ++subsets;
  }
  return sum / subsets;
}

TEST(BestOfN, CurveIsTheMeanOverAllSubsets) {
  RandomSequence random(Philox("test", 1, 0, ""));
  for (std::size_t pool = 1; pool <= 8; ++pool) {
    for (int trial = 0; trial < 5; ++trial) {
      std::vector<double> scores;
      std::vector<double> values;
      for (std::size_t i = 0; i < pool; ++i) {
        scores.push_back(random.below(6));  // with ties
        values.push_back(random.uniform());
      }
      const auto curve = best_of_n_curve(scores, values);
      ASSERT_EQ(curve.size(), pool);
      for (std::size_t n = 1; n <= pool; ++n) {
        EXPECT_NEAR(curve[n - 1], over_all_subsets(scores, values, static_cast<int>(n)), 1e-12);
      }
    }
  }
}

TEST(BestOfN, WeightsAddUpToOneForLargePools) {
  for (const std::int64_t pool : {64, 1000, 20000}) {
    for (const std::int64_t n : {std::int64_t{1}, std::int64_t{2}, pool / 2, pool - 1, pool}) {
      const auto weights = best_of_n_weights(pool, n);
      EXPECT_NEAR(std::accumulate(weights.begin(), weights.end(), 0.0), 1, 1e-11) << pool << " " << n;
    }
  }
}

TEST(BestOfN, OfOneIsTheMeanAndOfAllTheTop) {
  const std::vector<double> scores = {3, 1, 2};
  const std::vector<double> values = {10, 20, 60};
  const auto curve = best_of_n_curve(scores, values);
  EXPECT_NEAR(curve.front(), 30, 1e-12);
  EXPECT_NEAR(curve.back(), 10, 1e-12);
  EXPECT_EQ(best_sample(scores), 0);
}

TEST(BestOfN, PoolWithAMissingScoreHasNoCurve) {
  const std::vector<double> scores = {1, no_value, 2};
  for (const double value : best_of_n_curve(scores, std::vector<double>{1, 1, 1})) EXPECT_TRUE(std::isnan(value));
  EXPECT_EQ(best_sample(scores), -1);
}

TEST(BestOfN, KlIsZeroForOneAndGrows) {
  EXPECT_EQ(best_of_n_kl(1), 0);
  EXPECT_NEAR(best_of_n_kl(64), std::log(64.0) - 63.0 / 64.0, 1e-15);
}

TEST(Wins, AreSharesOfTheOthersWithTiesHalf) {
  EXPECT_EQ(wins_over_pool(std::vector<double>{1, 2, 2}), (std::vector<double>{0, 0.75, 0.75}));
  const auto wins = wins_over_pool(std::vector<double>{5, 3, 3, 9, -1, 0});
  EXPECT_NEAR(std::accumulate(wins.begin(), wins.end(), 0.0) / 6, 0.5, 1e-15) << "a random sample beats half";
}

}  // namespace
}  // namespace westofn::metrics
