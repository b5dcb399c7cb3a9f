// SPDX-License-Identifier: Apache-2.0
#include "training/baselines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace westofn::training {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ValidationPairs, CountTheWordsOfThePairsThatAreUsedAndNumberTheirGroups) {
  std::vector<dataset::LabelledPair> pairs = {{"", "one two three", "x", 1, "g"},
                                              {"", "x", "one two", 1, "h"},
                                              {"", "one two", "three  four", 1, "g"},
                                              {"", "a b c d", "x", 1, "unused"},
                                              {"", "a", "b c"}};
  PairExamples used;
  used.places = {0, 1, 2, -1, 3};
  used.pairs.resize(4);
  const ValidationPairs found = describe_validation(pairs, used);
  EXPECT_THAT(found.longer, ElementsAre(1, 0, 0.5, 0));
  EXPECT_THAT(found.groups, ElementsAre(0, 1, 0, 2));
}

/// Pairs with groups of their own; the first `longer` have the longer response chosen, the model is right on the last
/// `right`.
struct World {
  ValidationPairs pairs;
  std::vector<PairScore> scores;

  World(std::size_t count, std::size_t longer, std::size_t right) {
    for (std::size_t i = 0; i < count; ++i) {
      pairs.longer.push_back(i < longer ? 1 : 0);
      pairs.groups.push_back(static_cast<std::int64_t>(i));
      const bool is_right = i >= count - right;
      scores.push_back({i, 0, is_right ? 1.0 : 0.0, is_right ? 0.0 : 1.0});
    }
  }
  [[nodiscard]] AccuracyReport report() const { return compare_with_baselines(scores, pairs); }
};

TEST(CompareWithBaselines, MeasuresTheModelAndItsAdvantageOverBothRules) {
  const AccuracyReport report = World(1000, 600, 700).report();
  EXPECT_DOUBLE_EQ(report.model.value, 0.7);
  EXPECT_EQ(report.model.count, 1000);
  EXPECT_NEAR(report.model.low, 0.671, 0.002);  // Wilson
  EXPECT_NEAR(report.model.high, 0.728, 0.002);
  EXPECT_DOUBLE_EQ(report.longer.accuracy, 0.6);
  EXPECT_DOUBLE_EQ(report.shorter.accuracy, 0.4);
  EXPECT_NEAR(report.longer.advantage.value, 0.1, 1e-12);
  EXPECT_NEAR(report.shorter.advantage.value, 0.3, 1e-12);
  EXPECT_LT(report.longer.advantage.low, 0.1);
  EXPECT_GT(report.longer.advantage.high, 0.1);
}

TEST(CompareWithBaselines, CountsTiesHalfAndWhatIsNoNumberAsWrong) {
  World world(4, 0, 4);
  world.scores[0] = {0, 0, 0.5, 0.5};
  world.scores[1] = {1, 0, std::nan(""), 0.5};
  EXPECT_DOUBLE_EQ(world.report().model.value, 2.5 / 4);
}

TEST(BaselineWarning, SaysNothingOfAModelThatIsClearlyBetter) {
  EXPECT_EQ(baseline_warning(World(1000, 600, 700).report()), "");
}

TEST(BaselineWarning, NamesTheBetterRuleIfTheModelIsNoBetter) {
  EXPECT_EQ(baseline_warning(World(1000, 700, 650).report()),
            "the model is no better than always preferring the longer response (65.0 % against 70.0 %)");
  EXPECT_EQ(baseline_warning(World(1000, 300, 700).report()),
            "the model is no better than always preferring the shorter response (70.0 % against 70.0 %)");
}

TEST(BaselineWarning, SaysIfTheSampleIsTooSmallToTell) {
  // Twelve of twenty against eleven: an advantage of 5 points that says nothing.
  EXPECT_THAT(baseline_warning(World(20, 11, 12).report()),
              AllOf(HasSubstr("not clearly better than always preferring the longer response at this sample size"),
                    HasSubstr("+5.0 points"), HasSubstr("95 % interval -"), HasSubstr("20 validation pairs")));
  // The same shares of a hundred times as many pairs, paired: now it can be told.
  EXPECT_EQ(baseline_warning(World(20000, 11000, 12000).report()), "");
}

TEST(BaselineWarning, DoesWithoutAnIntervalForASingleGroup) {
  World world(10, 4, 9);
  world.pairs.groups.assign(10, 0);
  EXPECT_THAT(baseline_warning(world.report()),
              AllOf(HasSubstr("not clearly better"), HasSubstr("(+30.0 points, 10 validation pairs)")));
}

TEST(BaselineNote, StandsBesideTheFirstAccuracy) {
  EXPECT_EQ(baseline_note(World(1000, 512, 0).pairs), "  (always the longer response 0.5120, the shorter 0.4880)");
}

}  // namespace
}  // namespace westofn::training
