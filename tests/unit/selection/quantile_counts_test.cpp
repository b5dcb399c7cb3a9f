// SPDX-License-Identifier: Apache-2.0
#include "selection/quantile_counts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>
#include <vector>

#include "selection/filters.h"
#include "util/error.h"
#include "util/philox.h"

namespace westofn::selection {
namespace {

TEST(OrderedBits, OrderAsTheDoublesDoAndComeBack) {
  const double tiny = std::numeric_limits<double>::denorm_min();
  const double huge = std::numeric_limits<double>::max();
  const std::vector<double> ascending = {-huge, -2, -1.5, -1, -tiny, 0, tiny, 0.25, 0.5, 1, huge};
  for (std::size_t i = 0; i < ascending.size(); ++i) {
    EXPECT_EQ(value_of_bits(ordered_bits(ascending[i])), ascending[i]);
    if (i > 0) {
      EXPECT_LT(ordered_bits(ascending[i - 1]), ordered_bits(ascending[i]));
    }
  }
  EXPECT_EQ(ordered_bits(-0.0), ordered_bits(0.0));
  EXPECT_THROW(static_cast<void>(ordered_bits(std::nan(""))), InternalError);
}

TEST(DroppedCount, IsTheFloorOfQTimesN) {
  EXPECT_EQ(dropped_count(0, 10), 0);
  EXPECT_EQ(dropped_count(0.25, 10), 2);
  EXPECT_EQ(dropped_count(0.5, 7), 3);
  EXPECT_EQ(dropped_count(0.99, 10), 9);
  EXPECT_EQ(dropped_count(0.99, 0), 0);
}

/// Three holders of entries search together.
Cut search(const std::vector<Ranked>& entries, double q) {
  std::array<std::vector<Ranked>, 3> holders;
  for (std::size_t i = 0; i < entries.size(); ++i) holders[i * i % 3].push_back(entries[i]);
  CutSearch search(dropped_count(q, static_cast<std::int64_t>(entries.size())));
  for (int pass = 0; pass < CutSearch::passes; ++pass) {
    std::array<std::int64_t, CutSearch::digits> counts{};
    for (const auto& holder : holders) search.add_counts(holder, counts);
    search.narrow(counts);
  }
  return search.cut();
}

TEST(CutSearch, EqualsSortingForDataWithManyTies) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    RandomSequence random(Philox("entries", seed, 0, ""));
    std::vector<Ranked> entries;
    const std::int64_t count = 1 + random.below(300);
    const double step = std::pow(10.0, -static_cast<double>(random.below(4)));
    for (std::int64_t i = 0; i < count; ++i) {
      const double value = std::round((random.uniform() - 0.5) / step) * step * 100;
      entries.push_back({value, i * 7 + static_cast<std::int64_t>(seed) * 100'000'000'000});
    }
    for (const double q : {0.0, 0.1, 0.5, 0.9, 0.999}) {
      auto sorted = entries;
      std::sort(sorted.begin(), sorted.end(), [](const Ranked& a, const Ranked& b) {
        return std::tie(a.value, a.index) < std::tie(b.value, b.index);
      });
      const auto dropped = static_cast<std::int64_t>(std::floor(q * static_cast<double>(count)));
      const Cut cut = search(entries, q);
      ASSERT_EQ(cut.value, sorted[static_cast<std::size_t>(dropped)].value);
      ASSERT_EQ(cut.index, sorted[static_cast<std::size_t>(dropped)].index);
      const auto kept = std::count_if(entries.begin(), entries.end(), [&](const Ranked& e) { return is_kept(e, cut); });
      ASSERT_EQ(kept, count - dropped);
    }
  }
}

TEST(Filters, LookAtConfidenceFirstThenAtEachOrTheSum) {
  const auto each = list_filters({.confidence = 0.2, .likelihood = 0.1, .likelihood_mode = LikelihoodMode::each});
  ASSERT_EQ(each.size(), 3U);
  EXPECT_EQ(each[0].reason, PairOutcome::confidence);
  EXPECT_EQ(each[0].q, 0.2);
  EXPECT_EQ(each[1].reason, PairOutcome::chosen);
  EXPECT_EQ(each[2].reason, PairOutcome::rejected);
  EXPECT_EQ(each[2].q, 0.1);
  const auto joint = list_filters({.confidence = 0.2, .likelihood = 0.1, .likelihood_mode = LikelihoodMode::joint});
  ASSERT_EQ(joint.size(), 2U);
  EXPECT_EQ(joint[1].reason, PairOutcome::joint);
}

TEST(Filters, ReadTheValueOfTheirKindAndUnit) {
  SyntheticPair pair;
  pair.confidence = 0.75;
  pair.chosen_log_likelihood = -12;
  pair.chosen_tokens = 4;
  pair.rejected_log_likelihood = -10;
  pair.rejected_tokens = 2;
  EXPECT_EQ(filter_value(pair, PairOutcome::confidence, LikelihoodUnit::per_token), 0.75);
  EXPECT_EQ(filter_value(pair, PairOutcome::chosen, LikelihoodUnit::sum), -12);
  EXPECT_EQ(filter_value(pair, PairOutcome::rejected, LikelihoodUnit::per_token), -5);
  EXPECT_EQ(filter_value(pair, PairOutcome::joint, LikelihoodUnit::sum), -22);
  EXPECT_EQ(filter_value(pair, PairOutcome::joint, LikelihoodUnit::per_token), -8);
}

}  // namespace
}  // namespace westofn::selection
