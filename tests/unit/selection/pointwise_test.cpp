// SPDX-License-Identifier: Apache-2.0
#include "selection/pointwise.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "util/error.h"
#include "util/philox.h"

namespace westofn::selection {
namespace {

TEST(Pointwise, PairsTheHighestWithTheLowestScore) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    RandomSequence random(Philox("scores", seed, 0, ""));
    std::vector<ScoredSample> scores;
    for (std::int32_t number = 0; number < 2 + static_cast<std::int32_t>(seed % 9); ++number) {
      scores.push_back({7, 3 * number, static_cast<double>(random.below(5)) - 2});  // ties are common
    }
    ScoredSample best = scores.front();
    ScoredSample worst = scores.front();
    for (const auto& entry : scores) {
      if (entry.score > best.score) best = entry;
      if (entry.score <= worst.score) worst = entry;  // the last of equals: the lower number counts as better
    }
    const Choice choice = choose_by_score(scores);
    ASSERT_EQ(choice.outcome, PairOutcome::kept);
    ASSERT_EQ(choice.chosen, best.sample);
    ASSERT_EQ(choice.rejected, worst.sample);
    ASSERT_EQ(choice.confidence, 1 / (1 + std::exp(worst.score - best.score)));
    ASSERT_FALSE(choice.cycle);
  }
}

TEST(Pointwise, IsATieWhereAllScoresAreEqual) {
  const Choice choice = choose_by_score(std::vector<ScoredSample>{{0, 1, 2.5}, {0, 4, 2.5}, {0, 6, 2.5}});
  EXPECT_EQ(choice.chosen, 1);
  EXPECT_EQ(choice.rejected, 6);
  EXPECT_EQ(choice.confidence, 0.5);
}

TEST(Pointwise, HasAProbabilityAlsoForScoresThatAreFarApart) {
  EXPECT_EQ(preference(1e300, -1e300), 1);
  EXPECT_EQ(preference(-1e300, 1e300), 0);
  EXPECT_DOUBLE_EQ(preference(2, 0) + preference(0, 2), 1);
}

TEST(Pointwise, MakesNoPairOfFewerThanTwoAndRefusesScoresThatAreNone) {
  EXPECT_EQ(choose_by_score({}).outcome, PairOutcome::one_response);
  EXPECT_EQ(choose_by_score(std::vector<ScoredSample>{{0, 3, 1}}).outcome, PairOutcome::one_response);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW((void)choose_by_score(std::vector<ScoredSample>{{0, 3, 1}, {0, 4, nan}}), InternalError);
}

}  // namespace
}  // namespace westofn::selection
