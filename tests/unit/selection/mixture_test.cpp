// SPDX-License-Identifier: Apache-2.0
#include "selection/mixture.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace westofn::selection {
namespace {

std::vector<std::int64_t> rows_of(const std::vector<MixtureRow>& mixture, PairSourceKind source) {
  std::vector<std::int64_t> rows;
  for (const auto& row : mixture) {
    if (row.source == source) rows.push_back(row.row);
  }
  return rows;
}

TEST(Mixture, AlternatesHumanAndSyntheticAtEveryPosition) {
  for (const auto rule : {MixtureRule::cycle, MixtureRule::truncate}) {
    const auto mixture = mix(5, 12, rule, 1);
    ASSERT_EQ(mixture.size(), rule == MixtureRule::cycle ? 24U : 10U);
    for (std::size_t i = 0; i < mixture.size(); ++i) {
      EXPECT_EQ(mixture[i].source, i % 2 == 0 ? PairSourceKind::human : PairSourceKind::synthetic);
    }
  }
}

TEST(Mixture, UsesTheLargerSourceOnceAndCyclesTheSmallerInNewOrders) {
  const auto mixture = mix(8, 24, MixtureRule::cycle, 3);
  const auto synthetic = rows_of(mixture, PairSourceKind::synthetic);
  EXPECT_EQ(std::set(synthetic.begin(), synthetic.end()).size(), 24U);
  const auto human = rows_of(mixture, PairSourceKind::human);
  std::set<std::vector<std::int64_t>> orders;
  for (int cycle = 0; cycle < 3; ++cycle) {
    const std::vector<std::int64_t> order(human.begin() + 8 * cycle, human.begin() + 8 * (cycle + 1));
    EXPECT_EQ(std::set(order.begin(), order.end()), (std::set<std::int64_t>{0, 1, 2, 3, 4, 5, 6, 7}));
    orders.insert(order);
  }
  EXPECT_EQ(orders.size(), 3U);
}

TEST(Mixture, TruncatesTheLargerSourceToARandomPart) {
  const auto human = rows_of(mix(50, 4, MixtureRule::truncate, 1), PairSourceKind::human);
  ASSERT_EQ(human.size(), 4U);
  EXPECT_EQ(std::set(human.begin(), human.end()).size(), 4U);
  EXPECT_NE(human, (std::vector<std::int64_t>{0, 1, 2, 3}));
}

TEST(Mixture, OfOneSourceIsThatSourceOnce) {
  for (const auto rule : {MixtureRule::cycle, MixtureRule::truncate}) {
    const auto synthetic = rows_of(mix(0, 6, rule, 1), PairSourceKind::synthetic);
    EXPECT_EQ(std::set(synthetic.begin(), synthetic.end()).size(), 6U);
    EXPECT_EQ(mix(0, 6, rule, 1).size(), 6U);
    EXPECT_EQ(mix(6, 0, rule, 1).size(), 6U);
    EXPECT_TRUE(mix(0, 0, rule, 1).empty());
  }
}

TEST(Mixture, DependsOnTheSeedAndOfEachSourceOnItsOwnSizeOnly) {
  const auto human = [](std::int64_t synthetics, std::uint64_t seed) {
    return rows_of(mix(20, synthetics, MixtureRule::cycle, seed), PairSourceKind::human);
  };
  EXPECT_EQ(human(20, 1), human(20, 1));
  EXPECT_EQ(human(20, 1), human(3, 1));
  EXPECT_NE(human(20, 1), human(20, 2));
}

}  // namespace
}  // namespace westofn::selection
