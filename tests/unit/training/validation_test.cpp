// SPDX-License-Identifier: Apache-2.0
#include "training/validation.h"

#include <gtest/gtest.h>

#include <limits>

namespace westofn::training {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
using Selection = Task::Selection;

CurvePoint point(std::int64_t step, double loss, double accuracy) {
  return {.step = step, .validation_loss = loss, .validation_accuracy = accuracy};
}

TEST(IsBetter, TakesTheHigherAccuracyAndTheLaterOnTies) {
  EXPECT_TRUE(is_better(Selection::accuracy, point(2, 9, 0.7), point(1, 1, 0.6)));
  EXPECT_TRUE(is_better(Selection::accuracy, point(2, 9, 0.6), point(1, 1, 0.6)));
  EXPECT_FALSE(is_better(Selection::accuracy, point(2, 1, 0.5), point(1, 9, 0.6)));
}

TEST(IsBetter, TakesTheLowerLoss) {
  EXPECT_TRUE(is_better(Selection::loss, point(2, 0.5, nan), point(1, 0.6, nan)));
  EXPECT_FALSE(is_better(Selection::loss, point(2, 0.7, nan), point(1, 0.6, nan)));
}

TEST(IsBetter, NeverKeepsTheUntrainedModel) {
  EXPECT_TRUE(is_better(Selection::accuracy, point(1, 9, 0.1), point(0, 1, 0.9)));
}

TEST(IsBetter, NeverPrefersAModelWithoutANumber) {
  for (const auto selection : {Selection::accuracy, Selection::loss}) {
    EXPECT_FALSE(is_better(selection, point(2, nan, nan), point(1, 0.5, 0.5)));
    EXPECT_TRUE(is_better(selection, point(2, 0.5, 0.5), point(1, nan, nan)));
    EXPECT_TRUE(is_better(selection, point(2, nan, nan), point(1, nan, nan))) << "the last one, if nothing is known";
  }
}

}  // namespace
}  // namespace westofn::training
