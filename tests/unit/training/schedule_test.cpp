// SPDX-License-Identifier: Apache-2.0
#include "training/schedule.h"

#include <gtest/gtest.h>

namespace westofn::training {
namespace {

TEST(LearningRate, IsConstantUnlessAskedFor) {
  const TrainSettings settings{.steps = 10, .learning_rate = 0.5};
  for (const int step : {0, 5, 9}) EXPECT_EQ(learning_rate(settings, step), 0.5);
}

TEST(LearningRate, WarmsUpFromTheFirstStepToTheFullRate) {
  const TrainSettings settings{.steps = 10, .learning_rate = 1, .warmup_steps = 4};
  for (const auto& [step, rate] : {std::pair{0, 0.25}, {1, 0.5}, {3, 1.0}, {4, 1.0}, {9, 1.0}}) {
    EXPECT_DOUBLE_EQ(learning_rate(settings, step), rate) << step;
  }
}

TEST(LearningRate, DecaysToZeroAtTheEnd) {
  const TrainSettings settings{.steps = 10, .learning_rate = 1, .warmup_steps = 2, .schedule = ScheduleKind::linear};
  for (const auto& [step, rate] : {std::pair{0, 0.5}, {1, 0.9}, {5, 0.5}, {9, 0.1}}) {
    EXPECT_NEAR(learning_rate(settings, step), rate, 1e-15) << step;
  }
}

}  // namespace
}  // namespace westofn::training
