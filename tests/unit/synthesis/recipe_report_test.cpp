// SPDX-License-Identifier: Apache-2.0
#include "synthesis/recipe_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "comm/thread_communicator.h"
#include "util/error.h"

namespace westofn::synthesis {
namespace {

using selection::Cut;
using selection::Filter;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// A balance of `pairs` pairs of this confidence, of which the first `kept` are kept.
RecipeBalance balance_of(std::int64_t pairs, std::int64_t kept, double confidence = 0.9) {
  RecipeBalance balance;
  balance.pairs = pairs;
  for (std::int64_t i = 0; i < pairs; ++i) {
    const auto bin = ConfidenceCounts::bin_of(confidence);
    balance.count(i < kept ? PairOutcome::kept : PairOutcome::confidence);
    balance.confidence.add(bin);
    if (i < kept) balance.kept_confidence.add(bin);
  }
  return balance;
}

const std::vector<Filter> filters = {{PairOutcome::confidence, 0.25}, {PairOutcome::joint, 0}};
const std::vector<Cut> cuts = {{0.8125, 17}, {0, 0}};

std::string text_of(const RecipeBalance& balance) { return RecipeReport{balance, filters, cuts}.text(); }
std::vector<std::string> warnings_of(const RecipeBalance& balance) {
  return RecipeReport{balance, filters, cuts}.warnings();
}

TEST(RecipeReport, AccountsForEveryPrompt) {
  RecipeBalance balance = balance_of(90, 60);
  for (int i = 0; i < 10; ++i) balance.count(PairOutcome::too_long);
  balance.check(100);
  const std::string text = text_of(balance);
  EXPECT_THAT(text, HasSubstr("60 pairs from 100 prompts"));
  EXPECT_THAT(text, HasSubstr("kept                                               60   60.0 %"));
  EXPECT_THAT(text, HasSubstr("too_long: two responses do not fit                 10   10.0 %"));
  EXPECT_THAT(text, HasSubstr("confidence: below its quantile                     30   30.0 %"));
  EXPECT_THAT(text, HasSubstr("all prompts                                       100  100.0 %"));
  EXPECT_THAT(text, Not(HasSubstr("joint"))) << "a filter that drops nothing";
}

TEST(RecipeReport, SaysWhereTheFiltersCutAndShowsTheConfidences) {
  const std::string text = text_of(balance_of(90, 60));
  EXPECT_THAT(text, HasSubstr("drops the lowest 25.0 %: keeps 0.8125 and above (prompt 17)"));
  EXPECT_THAT(text, HasSubstr("median confidence     0.900 of 90 pairs, 0.900 of 60 kept"));
  EXPECT_THAT(text, HasSubstr("confidence, all pairs"));
  EXPECT_THAT(text, HasSubstr("kept pairs"));
}

TEST(RecipeReport, SaysHowOftenEachSourceIsUsed) {
  RecipeBalance balance = balance_of(60, 60);
  balance.human = 40;
  balance.human_rows = 60;
  balance.mixture = 120;
  const std::string text = text_of(balance);
  EXPECT_THAT(text, HasSubstr("40 in 60 rows of the mixture, each used 1.50 times"));
  EXPECT_THAT(text, HasSubstr("60 in 60 rows of the mixture, each used 1.00 times"));
}

TEST(RecipeReport, IsQuietWhenAllIsWell) { EXPECT_THAT(warnings_of(balance_of(100, 50)), IsEmpty()); }

TEST(RecipeReport, WarnsWhenHardlyAnyPairIsKeptAndSaysWhy) {
  EXPECT_THAT(warnings_of(balance_of(100, 10)), IsEmpty());
  EXPECT_THAT(warnings_of(balance_of(100, 9)), ElementsAre(HasSubstr("lower `confidence` of the recipe")));
  RecipeBalance nothing;
  for (int i = 0; i < 5; ++i) nothing.count(PairOutcome::one_response);
  EXPECT_THAT(warnings_of(nothing), ElementsAre(HasSubstr("no pair is kept of 5 prompts")));
  EXPECT_THAT(text_of(nothing), Not(HasSubstr("median")));
}

TEST(RecipeReport, WarnsOfATeacherThatKnowsNothing) {
  EXPECT_THAT(warnings_of(balance_of(100, 50, 0.551)), IsEmpty());
  EXPECT_THAT(warnings_of(balance_of(100, 50, 0.549)), ElementsAre(HasSubstr("0.5 is a coin")));
  const RecipeBalance coins = balance_of(100, 50, 0.5);
  EXPECT_THAT((RecipeReport{coins, filters, cuts, selection::Rule::random}.warnings()), IsEmpty());
}

TEST(RecipeReport, WarnsOfATeacherThatContradictsItself) {
  RecipeBalance balance = balance_of(79, 79);
  for (int i = 0; i < 21; ++i) balance.count(PairOutcome::inverted);
  EXPECT_THAT(warnings_of(balance), ElementsAre(HasSubstr("21.0 % of the finals")));
}

TEST(RecipeBalance, RefusesToLoseAPrompt) {
  EXPECT_NO_THROW(balance_of(7, 3).check(7));
  EXPECT_ANY_THROW(balance_of(7, 3).check(8));
  RecipeBalance balance = balance_of(7, 3);
  ++balance.pairs;
  EXPECT_ANY_THROW(balance.check(7));
}

TEST(RecipeBalance, AddsUpOverTheRanks) {
  comm::run_threads(3, [](comm::Communicator& comm) {
    RecipeBalance balance = balance_of(2 + comm.rank(), 1, 0.6 + 0.1 * comm.rank());
    balance.sum(comm);
    balance.check(9);
    EXPECT_EQ(balance.kept_confidence.pairs(), 3);
    EXPECT_EQ(balance.confidence.in_parts(10), (std::vector<std::int64_t>{0, 0, 0, 0, 0, 0, 2, 3, 4, 0}));
    EXPECT_NEAR(balance.confidence.median(), 0.7, 0.001);
  });
}

TEST(RecipeBalance, PutsTheConfidencesIntoItsFile) {
  RecipeBalance balance = balance_of(90, 60);
  balance.mixture = 100;
  balance.human_rows = 40;
  const auto json = nlohmann::json::parse(to_json(balance, filters, cuts));
  const auto& confidence = json.at("confidence");
  EXPECT_EQ(confidence.at("pairs").size(), 20U);
  EXPECT_EQ(confidence.at("bin_width"), 0.05);
  EXPECT_EQ(confidence.at("pairs").at(18), 90);
  EXPECT_EQ(confidence.at("kept").at(18), 60);
  EXPECT_EQ(confidence.at("median"), 0.9005);
  EXPECT_EQ(json.at("mixture").at("synthetic_rows"), 60);
}

TEST(ConfidenceCounts, HaveABinForEveryNumber) {
  EXPECT_EQ(ConfidenceCounts::bin_of(0), 0);
  EXPECT_EQ(ConfidenceCounts::bin_of(-1), 0);
  EXPECT_EQ(ConfidenceCounts::bin_of(0.5), 500);
  EXPECT_EQ(ConfidenceCounts::bin_of(0.9999), 999);
  EXPECT_EQ(ConfidenceCounts::bin_of(1), 999);
  EXPECT_EQ(ConfidenceCounts::bin_of(2), 999);
  EXPECT_EQ(ConfidenceCounts().median(), 0);
}

}  // namespace
}  // namespace westofn::synthesis
