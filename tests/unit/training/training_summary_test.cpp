// SPDX-License-Identifier: Apache-2.0
#include "training/training_summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "training/score_scale.h"

namespace westofn::training {
namespace {

using ::testing::HasSubstr;

TrainingResult some_result() {
  const double nan = std::nan("");
  TrainingResult result;
  result.curve = {{0, 0, nan, nan, 0.9, 0.5}, {1, 1, 1, 1, nan, nan}, {2, 1, 1, 1, 0.6, 0.75}, {3, 1, 1, 1, 0.5, 0.7}};
  result.best_step = 2;
  return result;
}

TEST(TrainingSummary, ComparesTheBestWithTheUntrainedModel) {
  const TrainingSummary accuracy = summarize(some_result(), Task::Selection::accuracy);
  EXPECT_EQ(accuracy.untrained, 0.5);
  EXPECT_EQ(accuracy.best, 0.75);
  EXPECT_EQ(accuracy.steps, 3);
  const TrainingSummary loss = summarize(some_result(), Task::Selection::loss);
  EXPECT_EQ(loss.untrained, 0.9);
  EXPECT_EQ(loss.best, 0.6);
}

TEST(TrainingSummary, IsWrittenWithItsCounts) {
  TrainingSummary summary = summarize(some_result(), Task::Selection::accuracy);
  add_balance("train", {10, 2, 1}, summary.counts);
  summary.longer = 0.625;
  EXPECT_EQ(to_json(summary), R"({
  "selection": "validation accuracy",
  "steps": 3,
  "best_step": 2,
  "untrained": 0.5,
  "best": 0.75,
  "longer": 0.625,
  "rows": {
    "train.equal": 1,
    "train.too_long": 2,
    "train.used": 10
  }
}
)");
}

TEST(TrainingSummary, WarnsOfAModelThatTrainingHasNotHelped) {
  TrainingSummary summary = summarize(some_result(), Task::Selection::accuracy);
  const auto printed = [&] {
    ::testing::internal::CaptureStderr();
    ::testing::internal::CaptureStdout();
    report("reward-x", summary);
    return ::testing::internal::GetCapturedStdout() + ::testing::internal::GetCapturedStderr();
  };
  summary.longer = 0.6;
  EXPECT_THAT(printed(), ::testing::Not(HasSubstr("warning")));
  summary.longer = 0.8;
  EXPECT_THAT(printed(), HasSubstr("no better than always preferring the longer"));
  summary.best = 0.5;
  EXPECT_THAT(printed(), HasSubstr("has not improved"));
  summary.best = std::nan("");
  EXPECT_THAT(printed(), HasSubstr("has not improved"));
}

TEST(LongerAccuracy, CountsWordsOfThePairsThatAreUsed) {
  const std::vector<dataset::LabelledPair> pairs = {
      {"", "one two three", "x"}, {"", "x", "one two"}, {"", "one two", "three  four"}, {"", "a b c d", "x"}};
  PairExamples used;
  used.places = {0, 1, 2, -1};
  used.pairs.resize(3);
  EXPECT_DOUBLE_EQ(longer_accuracy(pairs, used), 1.5 / 3);
}

TEST(ScaleOf, IsMeanAndStandardDeviation) {
  const model::ScoreScale scale = scale_of(std::vector{1.0, 2.0, 3.0, 6.0});
  EXPECT_DOUBLE_EQ(scale.mean, 3);
  EXPECT_DOUBLE_EQ(scale.standard_deviation, std::sqrt(14.0 / 3));
}

TEST(ScaleOf, NeverDividesByZero) {
  EXPECT_EQ(scale_of(std::vector{5.0}).standard_deviation, 1);
  EXPECT_EQ(scale_of(std::vector{5.0, 5.0}).standard_deviation, 1);
}

}  // namespace
}  // namespace westofn::training
