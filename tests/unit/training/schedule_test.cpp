// SPDX-License-Identifier: Apache-2.0
#include "training/schedule.h"

#include <gtest/gtest.h>

#include <cmath>

namespace westofn::training {
namespace {

TEST(LearningRate, IsConstantUnlessAskedFor) {
  const TrainSettings settings{.steps = 10, .learning_rate = 0.5};
  for (const int step : {0, 5, 9}) EXPECT_EQ(learning_rate(settings, step), 0.5);
}

TEST(LearningRate, WarmsUpFromZeroToTheFullRateWithEverySchedule) {
  for (const auto schedule :
       {ScheduleKind::constant, ScheduleKind::linear, ScheduleKind::inverse_square_root, ScheduleKind::cosine}) {
    const TrainSettings settings{.steps = 10, .learning_rate = 2, .warmup_steps = 4, .schedule = schedule};
    for (const auto& [step, rate] : {std::pair{0, 0.0}, {1, 0.5}, {3, 1.5}, {4, 2.0}}) {
      EXPECT_DOUBLE_EQ(learning_rate(settings, step), rate) << step;
    }
  }
}

/// The formulas of transformers' schedules (optimization.py, get_*_schedule*), written once more.
double plain_factor(ScheduleKind schedule, int t, int warmup, int steps) {
  if (t < warmup) return static_cast<double>(t) / warmup;
  const double share = static_cast<double>(t - warmup) / std::max(1, steps - warmup);
  switch (schedule) {
    case ScheduleKind::constant: return 1;
    case ScheduleKind::linear: return static_cast<double>(steps - t) / std::max(1, steps - warmup);
    case ScheduleKind::inverse_square_root: {
      const double timescale = warmup > 0 ? warmup : 10000;
      return 1 / std::sqrt((t + timescale - warmup) / timescale);
    }
    case ScheduleKind::cosine: return 0.5 * (1 + std::cos(3.14159265358979323846 * share));
  }
  return std::nan("");
}

TEST(LearningRate, FollowsTheFormulasAtEveryStep) {
  for (const auto schedule :
       {ScheduleKind::constant, ScheduleKind::linear, ScheduleKind::inverse_square_root, ScheduleKind::cosine}) {
    for (const auto& [steps, warmup] : {std::pair{50, 0}, {50, 1}, {50, 7}, {50, 49}, {50, 50}, {50, 80}, {1, 0}}) {
      const TrainSettings settings{.steps = steps, .learning_rate = 3e-4, .warmup_steps = warmup, .schedule = schedule};
      for (int t = 0; t < steps; ++t) {
        EXPECT_DOUBLE_EQ(learning_rate(settings, t), 3e-4 * plain_factor(schedule, t, warmup, steps))
            << config::enum_name(schedule) << ", step " << t << " of " << steps << ", warm-up " << warmup;
      }
    }
  }
}

TEST(LearningRate, FallsTowardsZeroOrStaysAboveIt) {
  const TrainSettings linear{.steps = 1000, .learning_rate = 1, .schedule = ScheduleKind::linear};
  EXPECT_DOUBLE_EQ(learning_rate(linear, 999), 0.001);
  const TrainSettings cosine{.steps = 1000, .learning_rate = 1, .schedule = ScheduleKind::cosine};
  EXPECT_DOUBLE_EQ(learning_rate(cosine, 500), 0.5);
  EXPECT_NEAR(learning_rate(cosine, 999), 2.5e-6, 1e-7);
  const TrainSettings root{
      .steps = 1000, .learning_rate = 1, .warmup_steps = 100, .schedule = ScheduleKind::inverse_square_root};
  EXPECT_DOUBLE_EQ(learning_rate(root, 400), 0.5);
}

}  // namespace
}  // namespace westofn::training
