// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>

#include "plain_tournament.h"
#include "selection/bracket.h"
#include "util/error.h"
#include "util/philox.h"

namespace westofn::selection {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::play;
using testing::random_teacher;
using testing::Teacher;

std::vector<Sample> samples(const std::vector<std::string>& texts) {
  std::vector<Sample> list;
  for (const auto& text : texts) list.push_back({static_cast<std::int32_t>(list.size()), {}, text, 0, true});
  return list;
}

std::vector<std::int32_t> first_numbers(std::int32_t n) {
  std::vector<std::int32_t> list;
  for (std::int32_t i = 0; i < n; ++i) list.push_back(i);
  return list;
}

TEST(Contestants, AreDistinctNotEmptyAndAmongTheFirstN) {
  const auto pool = samples({"a", "", "b", "a", "c", "b", "d"});
  EXPECT_THAT(contestants(pool, 7), ElementsAre(0, 2, 4, 6));
  EXPECT_THAT(contestants(pool, 4), ElementsAre(0, 2));
  EXPECT_THAT(contestants(samples({"", ""}), 2), ElementsAre());
  EXPECT_THAT(contestants(samples({"", "x", "x"}), 3), ElementsAre(1));
}

TEST(Exact, IsTheHighestPOfAllOrderedPairs) {
  for (std::int32_t n = 2; n <= 12; ++n) {
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
      const Teacher teacher = random_teacher(seed);
      Choice expected;
      for (std::int32_t a = 0; a < n; ++a) {
        for (std::int32_t b = 0; b < n; ++b) {
          if (a != b && (expected.chosen < 0 || teacher(a, b) > expected.confidence)) {
            expected = {PairOutcome::kept, a, b, teacher(a, b), false};
          }
        }
      }
      const auto found = play(*make_contest(Rule::exact, first_numbers(n), 1, "p"), teacher);
      ASSERT_EQ(found.games.size(), static_cast<std::size_t>(n * (n - 1) / 2)) << "each two meet once";
      ASSERT_EQ(found.choice.chosen, expected.chosen) << n << " " << seed;
      ASSERT_EQ(found.choice.rejected, expected.rejected) << n << " " << seed;
      ASSERT_EQ(found.choice.confidence, expected.confidence) << n << " " << seed;
    }
  }
}

/// P of every ordered pair of n responses, in [0, 1]; P(a > b) + P(b > a) = 1.
using Table = std::vector<std::vector<double>>;

Table random_table(std::size_t n, RandomSequence& random) {
  Table p(n, std::vector<double>(n, 0.5));
  for (std::size_t a = 0; a < n; ++a) {
    for (std::size_t b = a + 1; b < n; ++b) {
      p[a][b] = random.uniform();
      p[b][a] = 1 - p[a][b];
    }
  }
  return p;
}

/// The same with an error of at most eps.
Table with_noise(const Table& truth, double eps, RandomSequence& random) {
  Table p = truth;
  for (std::size_t a = 0; a < p.size(); ++a) {
    for (std::size_t b = a + 1; b < p.size(); ++b) {
      p[a][b] = std::clamp(truth[a][b] + (random.below(2) == 0 ? eps : -eps), 0.0, 1.0);
      p[b][a] = 1 - p[a][b];
    }
  }
  return p;
}

bool has_cycle(const Table& p) {
  for (std::size_t a = 0; a < p.size(); ++a) {
    for (std::size_t b = 0; b < p.size(); ++b) {
      for (std::size_t c = 0; c < p.size(); ++c) {
        if (p[a][b] > 0.5 && p[b][c] > 0.5 && p[c][a] > 0.5) return true;
      }
    }
  }
  return false;
}

TEST(Exact, LosesAtMostTwiceTheErrorOfTenThousandTeachersThatNeedNotBeTransitive) {
  int cycles = 0;
  double worst = 0;  // what is lost, in eps
  for (std::uint64_t seed = 0; seed < 10'000; ++seed) {
    RandomSequence random(Philox("noisy teacher", seed, 0, ""));
    const std::size_t n = 2 + random.below(7);
    const double eps = 0.01 + 0.3 * random.uniform();
    const Table truth = random_table(n, random);
    const Table teacher = with_noise(truth, eps, random);
    const auto p = [&](std::int32_t a, std::int32_t b) {
      return teacher[static_cast<std::size_t>(a)][static_cast<std::size_t>(b)];
    };
    const auto contest = make_contest(Rule::exact, first_numbers(static_cast<std::int32_t>(n)), 1, "p");
    const Choice choice = play(*contest, p).choice;
    double highest = 0;
    for (std::size_t a = 0; a < n; ++a) {
      for (std::size_t b = 0; b < n; ++b) highest = std::max(highest, a == b ? 0 : truth[a][b]);
    }
    const double reached = truth[static_cast<std::size_t>(choice.chosen)][static_cast<std::size_t>(choice.rejected)];
    ASSERT_GE(reached, highest - 2 * eps - 1e-12) << seed;
    worst = std::max(worst, (highest - reached) / eps);
    cycles += has_cycle(truth) ? 1 : 0;
  }
  EXPECT_GT(cycles, 5000);
  EXPECT_GT(worst, 1.9) << "no smaller bound holds";
}

TEST(SelfTraining, ComparesSamplesZeroAndOneOnly) {
  const auto prefers_higher = [](std::int32_t a, std::int32_t b) { return a > b ? 0.8 : 0.2; };
  const auto found = play(*make_contest(Rule::self_training, {0, 1, 2, 3}, 1, "p"), prefers_higher);
  EXPECT_EQ(found.games.size(), 1U);
  EXPECT_EQ(found.choice.chosen, 1);
  EXPECT_EQ(found.choice.rejected, 0);
  EXPECT_DOUBLE_EQ(found.choice.confidence, 0.8);
}

TEST(SelfTraining, HasNoPairIfOneOfTheTwoIsNoContestant) {
  for (const std::vector<std::int32_t>& numbers : std::vector<std::vector<std::int32_t>>{{0, 2, 3}, {1, 2}, {0}, {}}) {
    const auto contest = make_contest(Rule::self_training, numbers, 1, "p");
    EXPECT_TRUE(contest->next().empty());
    EXPECT_EQ(contest->choice().outcome, PairOutcome::one_response);
  }
}

TEST(BestRandom, SetsTheBestOfTheTournamentAgainstEveryOtherEquallyOften) {
  std::map<std::int32_t, int> rejected;
  const std::int32_t n = 5;
  for (int prompt = 0; prompt < 2000; ++prompt) {
    const Teacher teacher = random_teacher(7);
    const auto best = play(*make_contest(Rule::tournament, first_numbers(n), 1, "p"), teacher).choice.chosen;
    const auto found =
        play(*make_contest(Rule::best_random, first_numbers(n), 1, std::to_string(prompt)), teacher).choice;
    ASSERT_EQ(found.outcome, PairOutcome::kept) << "the label stands whatever P says";
    ASSERT_EQ(found.chosen, best);
    ASSERT_NE(found.rejected, best);
    ASSERT_EQ(found.confidence, teacher(found.chosen, found.rejected));
    ++rejected[found.rejected];
  }
  ASSERT_EQ(rejected.size(), 4U);
  for (const auto& [number, count] : rejected) EXPECT_NEAR(count, 500, 100) << number;
}

TEST(BestRandom, PlaysNoWorstBracket) {
  const auto found = play(*make_contest(Rule::best_random, first_numbers(64), 1, "p"), random_teacher(1));
  EXPECT_LE(found.games.size(), 32U + 31U + 1U);
  for (const auto& game : found.games) EXPECT_NE(game.bracket, Bracket::worst);
}

TEST(Random, DrawsEveryOrderedPairEquallyOftenAndPlaysNothing) {
  std::map<std::pair<std::int32_t, std::int32_t>, int> drawn;
  for (int prompt = 0; prompt < 3000; ++prompt) {
    const auto contest = make_contest(Rule::random, {1, 4, 6}, 1, std::to_string(prompt));
    ASSERT_TRUE(contest->next().empty());
    const Choice choice = contest->choice();
    ASSERT_EQ(choice.confidence, 0.5);
    ++drawn[{choice.chosen, choice.rejected}];
  }
  ASSERT_EQ(drawn.size(), 6U);
  for (const auto& [pair, count] : drawn) EXPECT_NEAR(count, 500, 100);
}

TEST(RulesWithChance, DependOnSeedAndPromptOnly) {
  for (const Rule rule : {Rule::best_random, Rule::random}) {
    const auto draw = [&](std::uint64_t seed, const std::string& prompt) {
      const Choice choice = play(*make_contest(rule, first_numbers(64), seed, prompt), random_teacher(1)).choice;
      return std::pair(choice.chosen, choice.rejected);
    };
    EXPECT_EQ(draw(1, "p"), draw(1, "p"));
    EXPECT_NE(draw(1, "p"), draw(2, "p"));
    EXPECT_NE(draw(1, "p"), draw(1, "q"));
  }
}

TEST(EveryRule, MakesNoPairOfFewerThanTwo) {
  for (const Rule rule : {Rule::tournament, Rule::exact, Rule::self_training, Rule::best_random, Rule::random}) {
    for (const std::vector<std::int32_t>& numbers : {std::vector<std::int32_t>{}, std::vector<std::int32_t>{5}}) {
      const auto contest = make_contest(rule, numbers, 1, "p");
      EXPECT_TRUE(contest->next().empty());
      EXPECT_EQ(contest->choice().outcome, PairOutcome::one_response);
    }
  }
}

TEST(Probability, AveragesBothOrdersOrTakesTheOneThatWasAsked) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_DOUBLE_EQ(probability(0.9, 0.3), 0.8);
  EXPECT_DOUBLE_EQ(probability(0.9, nan), 0.9);
  EXPECT_DOUBLE_EQ(probability(nan, 0.3), 0.7);
}

TEST(Replay, ComesToTheSameChoiceFromStoredMatches) {
  for (const Rule rule : {Rule::tournament, Rule::exact, Rule::self_training, Rule::best_random, Rule::random}) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const auto played = play(*make_contest(rule, first_numbers(9), seed, "p"), random_teacher(seed));
      std::vector<Match> matches;
      for (std::size_t i = 0; i < played.games.size(); ++i) {
        const Game& game = played.games[i];
        matches.push_back({0, game.b, game.a, 1 - played.p[i], played.p[i], game.bracket, game.round, 0});
      }
      const Choice again = replay(*make_contest(rule, first_numbers(9), seed, "p"), matches);
      EXPECT_EQ(again.chosen, played.choice.chosen);
      EXPECT_EQ(again.rejected, played.choice.rejected);
      EXPECT_EQ(again.confidence, played.choice.confidence);
      EXPECT_EQ(again.outcome, played.choice.outcome);
    }
  }
}

TEST(Replay, NamesAMatchThatIsMissing) {
  const std::vector<Match> matches = {{0, 0, 1, 0.9, 0.1, Bracket::first, 1, 0}};
  const auto contest = make_contest(Rule::exact, first_numbers(3), 1, "p");
  try {
    static_cast<void>(replay(*contest, matches));
    FAIL() << "a match is missing";
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), HasSubstr("samples 0 and 2"));
  }
}

}  // namespace
}  // namespace westofn::selection
