// SPDX-License-Identifier: Apache-2.0
#include "evaluation/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/evaluation/toy_test_set.h"
#include "util/text.h"

namespace westofn::evaluation {
namespace {

using ::testing::HasSubstr;

/// A result as it could be, with the widest numbers and names.
struct Made {
  TestSet test = toy_test_set(3, 2, 4);
  Assessment found;
  std::vector<RecipePairs> recipes = {{"west_of_64", {}}};

  Made() {
    Report report;
    report.accuracy = {1, 0.998, 1, 2'000'000};
    report.high_confidence = {0.9, 0.881, 0.912, 1'000'000};
    report.win_over_pool = {1, 1, 1, 200};
    report.win_over_sft = {0.5, 0.42, 0.58, 200};
    found.scorers = {{"hf50", ScorerKind::reward_model, {}},
                     {"a model with a very long name indeed", ScorerKind::reward_model, {}},
                     {preference_name, ScorerKind::preference_model, {}}};
    found.reports = {report, report, Report{}};
    found.differences = {{1, {0.002, -0.011, 0.015, 2000}, {-0.047, -0.08, -0.012, 200}, {}, {104, 100, 0.8336}}};
    found.reports[1].length_correlation = {0.125, 0.0951, 0.1549, 4000};
    found.recipes = {{600, 597, {0.977, 0.961, 0.989, 597}, {}}};
  }
};

TEST(Table, IsAtMost110ColumnsWide) {
  const Made made;
  for (const auto& line : split_text(make_table(made.found, made.test, made.recipes, 0.95), '\n')) {
    EXPECT_LE(line.size(), 110U) << line;
  }
}

TEST(Table, SaysEachNumberWithItsIntervalAndEachVerdictInWords) {
  const Made made;
  const std::string table = make_table(made.found, made.test, made.recipes, 0.95);
  EXPECT_THAT(table, HasSubstr("90.0 [88.1, 91.2]"));
  EXPECT_THAT(table, HasSubstr("100.0 [100.0, 100.0]"));
  EXPECT_THAT(table, HasSubstr("95 % intervals"));
  EXPECT_THAT(table, HasSubstr("minus hf50"));
  EXPECT_THAT(table, ::testing::ContainsRegex("accuracy +\\+0\\.2 \\[-1\\.1, \\+1\\.5\\] +no difference seen"));
  EXPECT_THAT(table, ::testing::ContainsRegex("Best-of-4 win +-4\\.7 \\[-8\\.0, -1\\.2\\] +worse"));
  EXPECT_THAT(table, HasSubstr("better on 104 pairs, worse on 100 (McNemar's test: p = 0.83)"));
  EXPECT_THAT(table, HasSubstr("rank correlation:\na model with a very long name indeed\n" + std::string(22, ' ') +
                               "+0.12 [+0.10"));
  EXPECT_THAT(table, ::testing::ContainsRegex("west_of_64 +600 +597 +97\\.7 \\[96\\.1, 98\\.9\\]"));
}

TEST(Table, SaysTheVerdictsInSentences) {
  Made made;
  made.found.scorers[1].name = "west_of_n";
  made.found.differences[0].win_by_judge = {0.05, 0.01, 0.09, 200};
  const std::string table = make_table(made.found, made.test, made.recipes, 0.95);
  EXPECT_THAT(table,
              HasSubstr("\nNo difference between west_of_n and hf50 in accuracy is seen at this sample size (one of "
                        "about 1.3 points\n  would be).\n"));
  EXPECT_THAT(table, HasSubstr("\nwest_of_n is worse than hf50 in Best-of-4 win, by 4.7 points.\n"));
  EXPECT_THAT(table, HasSubstr("\nwest_of_n is better than hf50 in Best-of-4 win by the judge, by 5.0 points.\n"));
}

TEST(Table, HasOnlyColumnsWithValues) {
  Made made;
  for (auto& report : made.found.reports) report.win_over_pool = report.win_over_sft = {};
  made.found.reports[0].win_by_judge = {0.6, 0.55, 0.65, 200};
  const std::string table = make_table(made.found, made.test, made.recipes, 0.95);
  EXPECT_THAT(table, HasSubstr("by the judge"));
  EXPECT_THAT(table, ::testing::Not(HasSubstr("over the pool")));
}

TEST(Table, ShowsADashWhereThereIsNothing) {
  EXPECT_EQ(percent({}), "-");
  EXPECT_EQ(percent({0.5, metrics::no_value, metrics::no_value, 2}), "50.0");
  EXPECT_EQ(points({0.01, -0.002, 0.022, 9}), "+1.0 [-0.2, +2.2]");
}

}  // namespace
}  // namespace westofn::evaluation
