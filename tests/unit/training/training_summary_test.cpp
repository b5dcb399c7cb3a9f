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
  EXPECT_EQ(accuracy.skipped, 0);
  const TrainingSummary loss = summarize(some_result(), Task::Selection::loss);
  EXPECT_EQ(loss.untrained, 0.9);
  EXPECT_EQ(loss.best, 0.6);
}

TEST(TrainingSummary, CountsStepsThatWereSkipped) {
  TrainingResult result = some_result();
  result.curve[1].loss = std::nan("");
  result.curve[3].gradient_norm = HUGE_VAL;
  EXPECT_EQ(summarize(result, Task::Selection::loss).skipped, 2) << "the untrained model has no loss and is no step";
}

TEST(TrainingSummary, IsWrittenWithItsCounts) {
  TrainingSummary summary = summarize(some_result(), Task::Selection::accuracy);
  add_balance("train", {10, 2, 1}, summary.counts);
  summary.accuracy = {{0.75, 0.5, 0.875, 8}, {0.625, {0.125, -0.25, 0.5, 8}}, {0.375, {0.375, 0.25, 0.5, 8}}};
  summary.tokens = {75, 100};
  EXPECT_EQ(to_json(summary), R"({
  "selection": "validation accuracy",
  "steps": 3,
  "skipped_steps": 0,
  "best_step": 2,
  "untrained": 0.5,
  "best": 0.75,
  "accuracy": {
    "value": 0.75,
    "low": 0.5,
    "high": 0.875,
    "pairs": 8
  },
  "longer": {
    "accuracy": 0.625,
    "advantage": 0.125,
    "low": -0.25,
    "high": 0.5
  },
  "shorter": {
    "accuracy": 0.375,
    "advantage": 0.375,
    "low": 0.25,
    "high": 0.5
  },
  "tokens": {
    "training": 75,
    "computed": 100,
    "padding": 0.25
  },
  "rows": {
    "train.equal": 1,
    "train.too_long": 2,
    "train.used": 10
  }
}
)");
}

/// What `report` prints.
std::string printed(const TrainingSummary& summary) {
  ::testing::internal::CaptureStderr();
  ::testing::internal::CaptureStdout();
  report("reward-x", summary);
  return ::testing::internal::GetCapturedStdout() + ::testing::internal::GetCapturedStderr();
}

TEST(TrainingSummary, IsReportedWithIntervalBaselinesAndPadding) {
  TrainingSummary summary = summarize(some_result(), Task::Selection::accuracy);
  summary.accuracy = {{0.75, 0.72, 0.78, 800}, {0.6, {0.15, 0.1, 0.2, 800}}, {0.4, {0.35, 0.3, 0.4, 800}}};
  summary.tokens = {75, 100};
  EXPECT_THAT(printed(summary),
              ::testing::AllOf(HasSubstr("accuracy 50.0 % untrained, 75.0 % [72.0, 78.0] at step 2 of 3; always "
                                         "preferring the longer response 60.0 %, the shorter 40.0 %"),
                               HasSubstr("25.0 % of the 100 tokens computed in training were padding"),
                               ::testing::Not(HasSubstr("warning"))));
}

TEST(TrainingSummary, WarnsOfAModelThatTrainingHasNotHelped) {
  TrainingSummary summary = summarize(some_result(), Task::Selection::accuracy);
  EXPECT_THAT(printed(summary), ::testing::Not(HasSubstr("warning")));
  summary.best = 0.5;
  EXPECT_THAT(printed(summary), HasSubstr("has not improved"));
  summary.best = std::nan("");
  EXPECT_THAT(printed(summary), HasSubstr("has not improved"));
}

TEST(TrainingSummary, WarnsOfAModelThatATrivialRuleCanReplace) {
  TrainingSummary summary = summarize(some_result(), Task::Selection::accuracy);
  summary.accuracy = {{0.75, 0.72, 0.78, 800}, {0.2, {0.55, 0.5, 0.6, 800}}, {0.8, {-0.05, -0.1, 0.01, 800}}};
  EXPECT_THAT(printed(summary),
              HasSubstr("warning: reward-x: the model is no better than always preferring the shorter"));
}

TEST(AccuracyText, LeavesOutAnIntervalThatIsNotThere) {
  EXPECT_EQ(accuracy_text({0.742, 0.71, 0.771, 100}), "74.2 % [71.0, 77.1]");
  EXPECT_EQ(accuracy_text({0.742, std::nan(""), std::nan(""), 100}), "74.2 %");
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
