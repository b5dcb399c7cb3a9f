// SPDX-License-Identifier: Apache-2.0
// Intervals hold the truth as often as they say, and equal models are called different no more often than that, with
// many pairs and with few. Every simulation draws its worlds from a fixed seed.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "metrics/interval.h"
#include "util/philox.h"

namespace westofn::metrics {
namespace {

constexpr int trials = 1000;
constexpr IntervalOptions options{400, 0.95, 1};

/// Values in groups.
struct Drawn {
  std::vector<double> a, b;
  std::vector<std::int64_t> groups;
};

/// Pairs that two models of equal quality judge, right or wrong, in groups of one to `largest` pairs. In a group pairs
/// are alike, and the models agree on most of them.
Drawn draw_outcomes(RandomSequence& random, int groups, std::uint32_t largest, double disagreement) {
  Drawn drawn;
  for (int g = 0; g < groups; ++g) {
    const double ease = 0.5 + 0.5 * random.uniform();
    const std::uint32_t size = 1 + random.below(largest);
    for (std::uint32_t i = 0; i < size; ++i) {
      const bool differ = random.chance(disagreement);
      const double first = random.chance(ease) ? 1 : 0;
      const double second = differ ? (random.chance(ease) ? 1 : 0) : first;
      drawn.a.push_back(first);
      drawn.b.push_back(second);
      drawn.groups.push_back(g);
    }
  }
  return drawn;
}

/// Shares of a pool that Best-of-N beats, for two models of equal quality.
Drawn draw_wins(RandomSequence& random, int prompts) {
  Drawn drawn;
  for (int p = 0; p < prompts; ++p) {
    const double top = 1 - random.uniform() * random.uniform();
    for (auto* wins : {&drawn.a, &drawn.b}) wins->push_back(random.chance(0.6) ? top : random.uniform());
    drawn.groups.push_back(p);
  }
  return drawn;
}

/// The share of trials in which something holds.
double share_of(const std::string& name, const std::function<bool(RandomSequence&)>& holds) {
  RandomSequence random(Philox("coverage test", 1, 0, name));
  int times = 0;
  for (int trial = 0; trial < trials; ++trial) times += holds(random) ? 1 : 0;
  return static_cast<double>(times) / trials;
}

bool none_seen(const Drawn& drawn) {
  return verdict(paired_difference(drawn.a, drawn.b, drawn.groups, options)) == Verdict::no_difference_seen;
}

TEST(EqualModels, AreCalledEqualInAtLeast93PercentOfSimulations) {
  struct Case {
    int groups;
    std::uint32_t largest;
    double disagreement;
  };
  for (const auto& [groups, largest, disagreement] :
       {Case{3, 1, 1}, Case{10, 1, 0.5}, Case{25, 4, 0.3}, Case{60, 1, 0.3}, Case{60, 1, 0.05}, Case{200, 3, 0.3}}) {
    const std::string name = std::to_string(groups) + " groups of up to " + std::to_string(largest) +
                             ", disagreement " + std::to_string(disagreement);
    EXPECT_GE(share_of(name,
                       [&](RandomSequence& random) {
                         return none_seen(draw_outcomes(random, groups, largest, disagreement));
                       }),
              0.93)
        << name;
  }
  for (const int prompts : {3, 8, 20, 50, 200}) {
    const std::string name = std::to_string(prompts) + " prompts";
    EXPECT_GE(share_of(name, [&](RandomSequence& random) { return none_seen(draw_wins(random, prompts)); }), 0.93)
        << name;
  }
}

TEST(DifferentModels, AreSeen) {
  // A difference of 15 points on 400 pairs has a standard error of about 3: it is seen nearly always.
  const auto seen = [](RandomSequence& random) {
    Drawn drawn = draw_outcomes(random, 400, 1, 0.3);
    for (auto& value : drawn.a) value = random.chance(0.15) ? 1 : value;
    for (auto& value : drawn.b) value = random.chance(0.15) ? 0 : value;
    return verdict(paired_difference(drawn.a, drawn.b, drawn.groups, options)) == Verdict::better;
  };
  EXPECT_GE(share_of("different", seen), 0.95);
}

TEST(Intervals, OfMeansOverGroupsCoverTheTruth) {
  // Groups of three that share half of their noise, around 0.
  for (const int groups : {5, 12, 40, 150}) {
    const auto covers = [&](RandomSequence& random) {
      Drawn drawn;
      for (int g = 0; g < groups; ++g) {
        const double shared = random.uniform() - 0.5;
        for (int i = 0; i < 3; ++i) {
          drawn.a.push_back(shared + random.uniform() - 0.5);
          drawn.groups.push_back(g);
        }
      }
      const Estimate found = grouped_mean(drawn.a, drawn.groups, options);
      return found.low <= 0 && found.high >= 0;
    };
    const double covered = share_of("mean of " + std::to_string(groups), covers);
    EXPECT_GE(covered, 0.93) << groups;
    EXPECT_LE(covered, 0.985) << groups;
  }
}

TEST(Intervals, OfSharesCoverTheTruth) {
  for (const double truth : {0.5, 0.8, 0.97}) {
    for (const int count : {10, 100, 400}) {
      const auto covers = [&](RandomSequence& random) {
        Drawn drawn;
        for (int i = 0; i < count; ++i) {
          drawn.a.push_back(random.chance(truth) ? 1 : 0);
          drawn.groups.push_back(i);
        }
        const Estimate found = proportion(drawn.a, drawn.groups, options);
        return found.low <= truth && found.high >= truth;
      };
      EXPECT_GE(share_of(std::to_string(truth) + " of " + std::to_string(count), covers), 0.93)
          << truth << " " << count;
    }
  }
}

}  // namespace
}  // namespace westofn::metrics
