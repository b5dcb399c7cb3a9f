// SPDX-License-Identifier: Apache-2.0
#include "training/validation.h"

#include <gtest/gtest.h>

#include <limits>
#include <utility>
#include <vector>

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

std::int64_t without_gain(Selection selection, const std::vector<double>& values, std::int64_t every = 1) {
  std::vector<CurvePoint> curve = {point(0, 0, 1)};
  for (const double value : values) {
    const auto step = static_cast<std::int64_t>(curve.size());
    curve.push_back(step % every == 0 ? point(step, selection == Selection::loss ? value : nan,
                                              selection == Selection::accuracy ? value : nan)
                                      : point(step, nan, nan));
  }
  return validations_without_gain(selection, curve, every);
}

TEST(ValidationsWithoutGain, CountSinceTheLastOneThatWasBetterThanAllBefore) {
  for (const auto& [values, expected] : std::vector<std::pair<std::vector<double>, int>>{{{}, 0},
                                                                                         {{0.5}, 0},
                                                                                         {{0.5, 0.6}, 0},
                                                                                         {{0.5, 0.5}, 1},
                                                                                         {{0.5, 0.4, 0.5, 0.3}, 3},
                                                                                         {{0.5, 0.4, 0.3, 0.6}, 0},
                                                                                         {{0.6, 0.5, 0.55}, 2},
                                                                                         {{nan, nan}, 2},
                                                                                         {{nan, 0.5}, 0},
                                                                                         {{0.5, nan}, 1}}) {
    EXPECT_EQ(without_gain(Selection::accuracy, values), expected) << values.size();
    std::vector<double> losses;
    for (const double value : values) losses.push_back(-value);
    EXPECT_EQ(without_gain(Selection::loss, losses), expected) << values.size();
  }
}

TEST(ValidationsWithoutGain, LookOnlyWhereValidationIs) {
  EXPECT_EQ(without_gain(Selection::accuracy, {0, 0.5, 0, 0.4, 0, 0.4, 0}, 2), 2);
}

}  // namespace
}  // namespace westofn::training
