// SPDX-License-Identifier: Apache-2.0
#include "metrics/interval.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "util/philox.h"

namespace westofn::metrics {
namespace {

std::vector<std::int64_t> own_groups(std::size_t count) {
  std::vector<std::int64_t> groups(count);
  std::iota(groups.begin(), groups.end(), std::int64_t{0});
  return groups;
}

TEST(Groups, AreNumberedByAppearanceAndEmptyNamesStandAlone) {
  const std::vector<std::string> names = {"b", "", "a", "b", ""};
  EXPECT_EQ(number_groups(names), (std::vector<std::int64_t>{0, 1, 2, 0, 3}));
}

TEST(Wilson, IsWhatTheFormulaGives) {
  // p = 0.8, n = 10, z = 1.959964: the values of statsmodels proportion_confint(8, 10, method="wilson").
  const Estimate found = wilson(8, 10, 0.95);
  EXPECT_EQ(found.value, 0.8);
  EXPECT_NEAR(found.low, 0.490162, 1e-6);
  EXPECT_NEAR(found.high, 0.943318, 1e-6);
  EXPECT_NEAR(wilson(0, 20, 0.95).high, 0.161125, 1e-6);
  EXPECT_EQ(wilson(0, 20, 0.95).low, 0);
  EXPECT_EQ(wilson(0, 0, 0.95).count, 0);
}

TEST(Proportion, UsesWilsonOnlyWhereGroupsHaveOneValue) {
  const std::vector<double> values = {1, 1, 0, 0.5, no_value};
  const Estimate single = proportion(values, own_groups(5), {});
  const Estimate formula = wilson(2.5, 4, 0.95);
  EXPECT_EQ(single.low, formula.low);
  EXPECT_EQ(single.high, formula.high);
  EXPECT_EQ(single.count, 4);
  const Estimate grouped = proportion(values, std::vector<std::int64_t>{0, 0, 1, 1, 1}, {});
  EXPECT_EQ(grouped.value, 0.625);
  EXPECT_EQ(grouped.low, 0) << "Student's interval of two groups reaches beyond all shares";
  EXPECT_EQ(grouped.high, 1);
}

TEST(Bootstrap, OfFewGroupsHasStudentsInterval) {
  const std::vector<double> values = {0.2, 0.5, 0.4, 0.7};
  const Estimate found = grouped_mean(values, own_groups(4), {});
  // Mean 0.45, standard deviation 0.208, t with 3 degrees of freedom 3.182.
  EXPECT_NEAR(found.value, 0.45, 1e-15);
  EXPECT_NEAR(found.high - found.value, 3.18245 * std::sqrt(0.13 / 3 / 4), 1e-5);
  EXPECT_NEAR(found.value - found.low, found.high - found.value, 1e-15);
}

TEST(PairedDifference, OfFewThatDifferHoldsZeroUnlessTheExactTestSaysNo) {
  const auto of = [](int better) {
    std::vector<double> a(500, 1);
    std::vector<double> b(500, 1);
    for (int i = 0; i < better; ++i) b[static_cast<std::size_t>(i)] = 0;
    return paired_difference(a, b, own_groups(500), {});
  };
  EXPECT_EQ(of(5).low, 0) << "5 of 5 has p = 0.0625";
  EXPECT_GT(of(6).low, 0) << "6 of 6 has p = 0.03125";
}

TEST(Bootstrap, IsTheSameEveryTimeAndHoldsTheMean) {
  std::vector<double> values;
  RandomSequence random(Philox("test", 3, 0, ""));
  for (int i = 0; i < 100; ++i) values.push_back(random.uniform());
  const Estimate one = grouped_mean(values, own_groups(100), {});
  const Estimate two = grouped_mean(values, own_groups(100), {});
  EXPECT_EQ(one.low, two.low);
  EXPECT_EQ(one.high, two.high);
  EXPECT_LT(one.low, one.value);
  EXPECT_GT(one.high, one.value);
  // Of a mean of uniforms: 1.96 / sqrt(12 * 100) to both sides.
  EXPECT_NEAR(one.high - one.low, 2 * 1.96 / std::sqrt(1200.0), 0.02);
}

TEST(Bootstrap, CoversTheTruthAsOftenAsItSays) {
  // Groups of three that share half of their noise: intervals that ignored the groups would cover 83 % only.
  RandomSequence random(Philox("coverage", 1, 0, ""));
  constexpr int trials = 200;
  int covered = 0;
  for (int trial = 0; trial < trials; ++trial) {
    std::vector<double> values;
    std::vector<std::int64_t> groups;
    for (std::int64_t group = 0; group < 40; ++group) {
      const double shared = random.uniform() - 0.5;
      for (int i = 0; i < 3; ++i) {
        values.push_back(shared + random.uniform() - 0.5);
        groups.push_back(group);
      }
    }
    const Estimate found = grouped_mean(values, groups, {200, 0.95, static_cast<std::uint64_t>(trial)});
    if (found.low <= 0 && found.high >= 0) ++covered;
  }
  EXPECT_GE(covered, 0.89 * trials);
  EXPECT_LE(covered, 0.99 * trials);
}

TEST(Bootstrap, OfOneGroupHasNoInterval) {
  const Estimate found = grouped_mean(std::vector<double>{1, 0}, std::vector<std::int64_t>{0, 0}, {});
  EXPECT_EQ(found.value, 0.5);
  EXPECT_TRUE(std::isnan(found.low));
  EXPECT_EQ(grouped_mean(std::vector<double>{no_value}, std::vector<std::int64_t>{0}, {}).count, 0);
}

TEST(PairedDifference, LeavesOutWhatOneSideLacksAndIsTightWhereModelsAgree) {
  std::vector<double> a;
  std::vector<double> b;
  RandomSequence random(Philox("test", 4, 0, ""));
  for (int i = 0; i < 200; ++i) {
    b.push_back(random.chance(0.7) ? 1 : 0);
    a.push_back(b.back());
  }
  a[0] = 1 - b[0];
  b[1] = no_value;
  const Estimate found = paired_difference(a, b, own_groups(200), {});
  EXPECT_EQ(found.count, 199);
  EXPECT_NEAR(found.value, (a[0] - b[0]) / 199, 1e-15);
  EXPECT_LT(found.high - found.low, 0.03) << "unpaired it would be 0.18";
}

TEST(Verdict, NeedsZeroOutsideTheInterval) {
  EXPECT_EQ(verdict({0.02, 0.01, 0.03, 9}), Verdict::better);
  EXPECT_EQ(verdict({-0.02, -0.03, -0.01, 9}), Verdict::worse);
  EXPECT_EQ(verdict({0.02, -0.01, 0.05, 9}), Verdict::no_difference_seen);
  EXPECT_EQ(verdict({0.02, 0.0, 0.05, 9}), Verdict::no_difference_seen);
  EXPECT_EQ(verdict({0.02, no_value, no_value, 9}), Verdict::no_difference_seen);
  EXPECT_EQ(to_text(verdict(Estimate{})), "no difference seen");
}

}  // namespace
}  // namespace westofn::metrics
