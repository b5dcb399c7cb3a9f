// SPDX-License-Identifier: Apache-2.0
#include "preparation/balance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace westofn::preparation {
namespace {

using ::testing::HasSubstr;

std::map<std::string, std::int64_t> example() {
  Balance balance;
  balance.files.push_back({"pairs.jsonl", RowKind::pair, 10, {}});
  balance.files[0].outcomes[0] = 7;
  balance.files[0].outcomes[static_cast<std::size_t>(Outcome::further_turn)] = 3;
  balance.splits[0] = {4, 2};
  balance.labelled_half = 1;
  balance.splits[2] = {3, 3};
  balance.prompts_given[0] = 5;
  balance.prompts_of_pairs[0] = 2;
  return manifest_counts(balance);
}

TEST(Balance, CountsAreNamedByKindAndReason) {
  const auto counts = example();
  EXPECT_EQ(counts.at("rows.pairs"), 10);
  EXPECT_EQ(counts.at("outcome.pairs.kept"), 7);
  EXPECT_EQ(counts.at("outcome.pairs.further_turn"), 3);
  EXPECT_EQ(counts.at("prompts.unlabelled"), 7);
  EXPECT_FALSE(counts.contains("outcome.pairs.duplicate")) << "reasons without rows are left out";
}

TEST(Balance, TableShowsEveryReasonAndTheRealShareOfTheLabelledHalf) {
  const std::string table = balance_table(example());
  EXPECT_THAT(table, HasSubstr("further_turn"));
  EXPECT_THAT(table, HasSubstr("= 25.0 %"));
  EXPECT_THAT(table, HasSubstr("in 2 groups"));
}

TEST(Balance, ShareOfNothingIsZero) { EXPECT_EQ(Balance{}.labelled_share(), 0); }

}  // namespace
}  // namespace westofn::preparation
