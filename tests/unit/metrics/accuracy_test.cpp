// SPDX-License-Identifier: Apache-2.0
#include "metrics/accuracy.h"

#include <gtest/gtest.h>

#include <cmath>

namespace westofn::metrics {
namespace {

TEST(Outcomes, CountTiesHalfAndLeaveOutWhatHasNoScore) {
  const auto values = outcomes(std::vector<double>{2, 1, 1, no_value}, std::vector<double>{1, 2, 1, 0});
  EXPECT_EQ(values[0], 1);
  EXPECT_EQ(values[1], 0);
  EXPECT_EQ(values[2], 0.5);
  EXPECT_TRUE(std::isnan(values[3]));
}

TEST(HighConfidence, IsStrictlyAboveTheMedianOfThoseGiven) {
  EXPECT_EQ(high_confidence(std::vector<double>{1, 2, 3}), (std::vector<bool>{false, false, true}));
  EXPECT_EQ(high_confidence(std::vector<double>{1, 2, 2, 2}), (std::vector<bool>{false, false, false, false}));
  EXPECT_EQ(high_confidence(std::vector<double>{no_value, 1, 2}), (std::vector<bool>{false, false, true}));
  EXPECT_EQ(high_confidence(std::vector<double>{no_value, no_value}), (std::vector<bool>{false, false}));
}

TEST(Calibration, PutsSureAndUnsurePairsInTheirBins) {
  // 0.98 right, 0.96 wrong (p = 0.04), 0.5 undecided.
  const Calibration found = calibrate(std::vector<double>{0.98, 0.04, 0.5, no_value});
  EXPECT_EQ(found.count.front(), 1);
  EXPECT_EQ(found.count.back(), 2);
  EXPECT_NEAR(found.confidence.back(), 0.97, 1e-12);
  EXPECT_EQ(found.accuracy.back(), 0.5);
  EXPECT_EQ(found.accuracy.front(), 0.5);
  EXPECT_TRUE(std::isnan(found.accuracy[4])) << "an empty bin";
  EXPECT_NEAR(found.expected_error, 2.0 / 3 * 0.47, 1e-12);
  EXPECT_NEAR(found.brier, (0.02 * 0.02 + 0.96 * 0.96 + 0.25) / 3, 1e-12);
}

TEST(Calibration, OfNothingIsNothing) {
  EXPECT_TRUE(std::isnan(calibrate({}).brier));
  EXPECT_TRUE(std::isnan(calibrate({}).expected_error));
}

TEST(Calibration, PerfectCertaintyStaysInTheLastBin) {
  EXPECT_EQ(calibrate(std::vector<double>{1.0, 0.0}).count.back(), 2);
}

TEST(PreferenceProbability, IsTheSigmoidOfTheDifferenceAndDoesNotOverflow) {
  EXPECT_EQ(preference_probability(3, 3), 0.5);
  EXPECT_NEAR(preference_probability(1, 0), 1 / (1 + std::exp(-1.0)), 1e-15);
  EXPECT_EQ(preference_probability(-1e6, 1e6), 0);
  EXPECT_EQ(preference_probability(1e6, -1e6), 1);
}

TEST(Lengths, FallIntoFiveClasses) {
  EXPECT_EQ(classify_lengths(std::vector<std::int64_t>{-9, -1, 0, 2, 8, 2}),
            (std::vector<std::size_t>{0, 1, 2, 3, 4, 3}));
  EXPECT_EQ(classify_lengths(std::vector<std::int64_t>{0, 0}), (std::vector<std::size_t>{2, 2}));
}

TEST(Words, StandBetweenWhiteSpace) {
  EXPECT_EQ(count_words(""), 0);
  EXPECT_EQ(count_words("  \n"), 0);
  EXPECT_EQ(count_words("one"), 1);
  EXPECT_EQ(count_words(" roof collapsed .\tthanks\n. "), 5);
}

}  // namespace
}  // namespace westofn::metrics
