// SPDX-License-Identifier: Apache-2.0
#include "app/rank_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "util/text.h"

namespace westofn::app {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<RankReport> ranks_on(const std::vector<std::string>& hosts, int ranks, int gpus) {
  std::vector<RankReport> all;
  for (const auto& host : hosts) {
    for (int i = 0; i < ranks; ++i) {
      all.push_back({.host = host,
                     .local_rank = i,
                     .local_size = ranks,
                     .gpus = gpus,
                     .core_list = std::to_string(8 * i) + "-" + std::to_string(8 * i + 7)});
    }
  }
  return all;
}

TEST(RankTable, ShowsGpuCoresAndThreadsOfEveryLocalRank) {
  const std::string table = rank_table(ranks_on({"n1"}, 2, 2), {.threads = 8, .gpus = 1});
  EXPECT_THAT(table, ContainsRegex("0 +0 +0 of 2 +8 +0-7 +n1"));
  EXPECT_THAT(table, ContainsRegex("1 +1 +1 of 2 +8 +8-15 +n1"));
}

TEST(RankTable, ShowsTheOnlyGpuOfARankThatSeesNoOther) {
  EXPECT_THAT(rank_table(ranks_on({"n1"}, 2, 1), {.threads = 1, .gpus = 1}), ContainsRegex("1 +1 +0 of 1 "));
  EXPECT_THAT(rank_table(ranks_on({"n1"}, 2, 4), {.threads = 1, .gpus = 0}), ContainsRegex("1 +1 +none "));
}

TEST(RankTable, CountsHostsThatAreAsTheFirstAndShowsTheOthers) {
  auto ranks = ranks_on({"n1", "n2", "n3"}, 4, 4);
  const std::string table = rank_table(ranks, {.threads = 8, .gpus = 1});
  EXPECT_THAT(table, HasSubstr("8 more on 2 hosts"));
  EXPECT_EQ(split_text(table, '\n').size(), 1U + 1 + 4 + 1) << "an empty line, the head, four ranks, the rest";
  ranks[5].core_list = "0-31";
  EXPECT_THAT(rank_table(ranks, {.threads = 8, .gpus = 1}), ContainsRegex("5 +1 +1 of 4 +8 +0-31 +n2"));
}

TEST(RankTable, StaysShort) {
  auto ranks = ranks_on({"n1"}, 200, 4);
  const std::string table = rank_table(ranks, {.threads = 1, .gpus = 1});
  EXPECT_LT(split_text(table, '\n').size(), 70U);
  EXPECT_THAT(table, HasSubstr("136 more on 1 host"));
  EXPECT_THAT(table, Not(HasSubstr("with the local ranks")));
}

}  // namespace
}  // namespace westofn::app
