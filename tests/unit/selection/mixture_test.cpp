// SPDX-License-Identifier: Apache-2.0
#include "selection/mixture.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <set>
#include <string>
#include <utility>

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
    const auto mixture = mix({5, 12}, {rule}, 1);
    ASSERT_EQ(mixture.size(), rule == MixtureRule::cycle ? 24U : 10U);
    for (std::size_t i = 0; i < mixture.size(); ++i) {
      EXPECT_EQ(mixture[i].source, i % 2 == 0 ? PairSourceKind::human : PairSourceKind::synthetic);
    }
  }
}

/// The sources of the mixture at p synthetic pairs for q human ones, row by row in whole numbers.
std::string plain_sources(const MixtureSizes& pairs, MixtureRule rule, std::int64_t p, std::int64_t q) {
  std::string rows;
  std::int64_t humans = 0;
  std::int64_t synthetics = 0;
  const auto next_is_synthetic = [&] { return (synthetics + 1) * q <= p * humans; };
  const auto push = [&] {
    const bool synthetic = next_is_synthetic();
    rows += synthetic ? 'S' : 'H';
    ++(synthetic ? synthetics : humans);
  };
  if (rule == MixtureRule::cycle) {
    while (humans < pairs.humans || synthetics < pairs.synthetics) push();
    while (humans == pairs.humans && next_is_synthetic()) push();
    return rows;
  }
  while (next_is_synthetic() ? synthetics < pairs.synthetics : humans < pairs.humans) push();
  if (next_is_synthetic()) rows.resize(rows.find_last_of('S') + 1);  // human rows without their synthetic ones
  return rows;
}

std::string sources_of(const std::vector<MixtureRow>& mixture) {
  std::string rows;
  for (const auto& row : mixture) rows += row.source == PairSourceKind::human ? 'H' : 'S';
  return rows;
}

constexpr std::array<std::pair<std::int64_t, std::int64_t>, 9> ratios = {
    {{1, 1}, {1, 2}, {2, 1}, {3, 1}, {3, 2}, {1, 3}, {29, 100}, {7, 10}, {100, 29}}};

TEST(Mixture, EqualsThePlainOneForEveryRatioAndSize) {
  for (const auto& [p, q] : ratios) {
    const double ratio = static_cast<double>(p) / static_cast<double>(q);
    for (const auto rule : {MixtureRule::cycle, MixtureRule::truncate}) {
      for (std::int64_t humans = 1; humans <= 40; ++humans) {
        for (std::int64_t synthetics = 1; synthetics <= 40; ++synthetics) {
          const auto found = mix({humans, synthetics}, {rule, ratio}, 1);
          ASSERT_EQ(sources_of(found), plain_sources({humans, synthetics}, rule, p, q))
              << humans << " human, " << synthetics << " synthetic, ratio " << ratio;
        }
      }
    }
  }
}

TEST(Mixture, HasTheShareOfEachSourceInEveryStretchToWithinOneRow) {
  for (const auto& [p, q] : ratios) {
    const double ratio = static_cast<double>(p) / static_cast<double>(q);
    const std::string rows = sources_of(mix({400, 1}, {MixtureRule::cycle, ratio}, 1));
    std::vector<std::int64_t> synthetics = {0};
    for (const char row : rows) synthetics.push_back(synthetics.back() + (row == 'S' ? 1 : 0));
    const double share = ratio / (1 + ratio);
    for (std::size_t begin = 0; begin < rows.size(); ++begin) {
      for (std::size_t end = begin + 1; end <= rows.size(); ++end) {
        const auto found = static_cast<double>(synthetics[end] - synthetics[begin]);
        ASSERT_LE(std::abs(found - share * static_cast<double>(end - begin)), 1 + 1e-9)
            << ratio << ": rows " << begin << " to " << end;
      }
    }
  }
}

TEST(Mixture, UsesEachSourceOnceWhereTheRatioFitsBoth) {
  for (const auto rule : {MixtureRule::cycle, MixtureRule::truncate}) {
    const auto mixture = mix({4, 12}, {rule, 3}, 1);
    EXPECT_EQ(sources_of(mixture), "HSSSHSSSHSSSHSSS");
    const auto synthetic = rows_of(mixture, PairSourceKind::synthetic);
    EXPECT_EQ(std::set(synthetic.begin(), synthetic.end()).size(), 12U);
  }
}

TEST(Mixture, CyclesOrCutsWhatTheRatioDoesNotFit) {
  EXPECT_EQ(sources_of(mix({2, 9}, {MixtureRule::cycle, 3}, 1)), "HSSSHSSSHSSS") << "a human pair is used again";
  EXPECT_EQ(sources_of(mix({2, 9}, {MixtureRule::truncate, 3}, 1)), "HSSSHSSS") << "three synthetic pairs are cut";
  EXPECT_EQ(sources_of(mix({6, 2}, {MixtureRule::cycle, 0.5}, 1)), "HHSHHSHHS") << "a synthetic pair is used again";
  EXPECT_EQ(sources_of(mix({6, 2}, {MixtureRule::truncate, 0.5}, 1)), "HHSHHS") << "two human pairs are cut";
}

TEST(Mixture, UsesTheLargerSourceOnceAndCyclesTheSmallerInNewOrders) {
  const auto mixture = mix({8, 24}, {MixtureRule::cycle}, 3);
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
  const auto human = rows_of(mix({50, 4}, {MixtureRule::truncate}, 1), PairSourceKind::human);
  ASSERT_EQ(human.size(), 4U);
  EXPECT_EQ(std::set(human.begin(), human.end()).size(), 4U);
  EXPECT_NE(human, (std::vector<std::int64_t>{0, 1, 2, 3}));
}

TEST(Mixture, OfOneSourceIsThatSourceOnce) {
  for (const auto rule : {MixtureRule::cycle, MixtureRule::truncate}) {
    const auto synthetic = rows_of(mix({0, 6}, {rule}, 1), PairSourceKind::synthetic);
    EXPECT_EQ(std::set(synthetic.begin(), synthetic.end()).size(), 6U);
    EXPECT_EQ(mix({0, 6}, {rule}, 1).size(), 6U);
    EXPECT_EQ(mix({6, 0}, {rule}, 1).size(), 6U);
    EXPECT_TRUE(mix({0, 0}, {rule}, 1).empty());
  }
}

TEST(Mixture, DependsOnTheSeedAndOfEachSourceOnItsOwnSizeOnly) {
  const auto human = [](std::int64_t synthetics, std::uint64_t seed) {
    return rows_of(mix({20, synthetics}, {MixtureRule::cycle}, seed), PairSourceKind::human);
  };
  EXPECT_EQ(human(20, 1), human(20, 1));
  EXPECT_EQ(human(20, 1), human(3, 1));
  EXPECT_NE(human(20, 1), human(20, 2));
}

}  // namespace
}  // namespace westofn::selection
