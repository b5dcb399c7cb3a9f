// SPDX-License-Identifier: Apache-2.0
#include "selection/tournament.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "plain_tournament.h"
#include "util/error.h"

namespace westofn::selection {
namespace {

using testing::PlainTournament;
using testing::play;
using testing::random_teacher;
using testing::Teacher;
using testing::teacher_by_value;

std::vector<std::int32_t> numbers(std::int32_t n) {
  std::vector<std::int32_t> all(static_cast<std::size_t>(n));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

std::unique_ptr<Contest> tournament(std::int32_t n) { return make_contest(Rule::tournament, numbers(n), 1, "p"); }

std::vector<double> random_values(std::int32_t n, std::uint64_t seed) {
  RandomSequence random(Philox("values", seed, 0, ""));
  std::vector<double> values;
  for (std::int32_t i = 0; i < n; ++i) values.push_back(random.uniform());
  return values;
}

TEST(Tournament, FindsBestAndWorstOfATransitiveTeacherForEveryN) {
  for (std::int32_t n = 2; n <= 65; ++n) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const auto values = random_values(n, 100 * seed + static_cast<std::uint64_t>(n));
      const auto result = play(*tournament(n), teacher_by_value(values)).choice;
      ASSERT_EQ(result.outcome, PairOutcome::kept) << n;
      ASSERT_EQ(result.chosen, std::max_element(values.begin(), values.end()) - values.begin()) << n;
      ASSERT_EQ(result.rejected, std::min_element(values.begin(), values.end()) - values.begin()) << n;
      ASSERT_DOUBLE_EQ(result.confidence, teacher_by_value(values)(result.chosen, result.rejected)) << n;
      ASSERT_FALSE(result.cycle) << n;
    }
  }
}

TEST(Tournament, PlaysNinetyFourBracketMatchesFor64AndTheFinal) {
  const auto result = play(*tournament(64), teacher_by_value(random_values(64, 1)));
  std::map<Bracket, int> counts;
  for (const auto& game : result.games) ++counts[game.bracket];
  EXPECT_EQ(counts[Bracket::first], 32);
  EXPECT_EQ(counts[Bracket::best], 31);
  EXPECT_EQ(counts[Bracket::worst], 31);
  EXPECT_EQ(counts[Bracket::final], 1);
  EXPECT_EQ(result.games.back().bracket, Bracket::final);
}

TEST(Tournament, PlaysNinetyFourMatchesFor64WhateverTheTeacherAndAFinalUnlessBestAndWorstHaveMet) {
  int without_final = 0;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    const auto result = play(*tournament(64), random_teacher(seed));
    std::size_t finals = 0;
    bool have_met = false;
    for (const auto& game : result.games) {
      finals += game.bracket == Bracket::final ? 1 : 0;
      const bool of_the_two = std::minmax(game.a, game.b) == std::minmax(result.choice.chosen, result.choice.rejected);
      have_met = have_met || (of_the_two && game.bracket != Bracket::final);
    }
    ASSERT_EQ(finals, have_met ? 0U : 1U) << seed;
    ASSERT_EQ(result.games.size() - finals, 94U) << seed;
    without_final += have_met ? 1 : 0;
  }
  EXPECT_GT(without_final, 0);
}

TEST(Tournament, EqualsThePlainOneForTeachersWithTiesAndCycles) {
  int cycles = 0;
  int inverted = 0;
  int reused = 0;
  for (std::int32_t n = 2; n <= 33; ++n) {
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
      const Teacher teacher = random_teacher(seed);
      PlainTournament plain(teacher);
      const Choice expected = plain.run(numbers(n));
      const auto found = play(*tournament(n), teacher);
      ASSERT_EQ(found.choice.outcome, expected.outcome) << n << " " << seed;
      ASSERT_EQ(found.choice.chosen, expected.chosen) << n << " " << seed;
      ASSERT_EQ(found.choice.rejected, expected.rejected) << n << " " << seed;
      ASSERT_EQ(found.choice.confidence, expected.confidence) << n << " " << seed;
      ASSERT_EQ(found.choice.cycle, expected.cycle) << n << " " << seed;
      ASSERT_EQ(found.games.size(), plain.games.size()) << "each two meet at most once";
      for (const auto& game : found.games) ASSERT_TRUE(plain.games.contains(std::minmax(game.a, game.b)));
      cycles += expected.cycle ? 1 : 0;
      inverted += expected.outcome == PairOutcome::inverted ? 1 : 0;
      reused += plain.games.size() == plain.bracket_games ? 1 : 0;
    }
  }
  EXPECT_GT(cycles, 0);
  EXPECT_GT(inverted, 0);
  EXPECT_GT(reused, 0);
}

TEST(Tournament, TakesTheOtherFinalistOfTheWorstBracketAfterACycle) {
  // 0 beats 1; 2, who has a bye, beats 0 and so wins the best bracket, and loses to 1 and so "wins" the worst one.
  const Teacher teacher = [](std::int32_t a, std::int32_t b) {
    const bool a_wins = (a == 0 && b == 1) || (a == 2 && b == 0) || (a == 1 && b == 2);
    return a_wins ? 0.9 : 0.1;
  };
  const Choice result = play(*tournament(3), teacher).choice;
  EXPECT_TRUE(result.cycle);
  EXPECT_EQ(result.chosen, 2);
  EXPECT_EQ(result.rejected, 1);
  EXPECT_EQ(result.outcome, PairOutcome::inverted) << "the two have met, and 1 had won";
}

TEST(Tournament, CallsAFinalThatPrefersTheWorstInverted) {
  // Round 1: 0 beats 1, 2 beats 3. Best: 0 beats 2. Worst: 3 loses to 1. Final: 3 beats 0.
  const Teacher teacher = [](std::int32_t a, std::int32_t b) {
    const auto beats = [](std::int32_t x, std::int32_t y) {
      return (x == 0 && (y == 1 || y == 2)) || (x == 2 && y == 3) || (x == 1 && y == 3) || (x == 3 && y == 0);
    };
    return beats(a, b) ? 0.75 : 0.25;
  };
  const auto result = play(*tournament(4), teacher);
  EXPECT_EQ(result.choice.outcome, PairOutcome::inverted);
  EXPECT_EQ(result.choice.chosen, 0);
  EXPECT_EQ(result.choice.rejected, 3);
  EXPECT_EQ(result.choice.confidence, 0.25);
  EXPECT_FALSE(result.choice.cycle);
  EXPECT_EQ(result.games.size(), 5U);
}

TEST(Tournament, GivesLaterByesToTheLastEntrantWithTheFewest) {
  // Five contestants, lower numbers win. Best bracket: 0, 2 and 4, of whom 4 had a bye already: now 2 sits out.
  const auto lower_wins = [](std::int32_t a, std::int32_t b) { return a < b ? 0.9 : 0.1; };
  std::vector<std::pair<std::int32_t, std::int32_t>> best;
  for (const auto& game : play(*tournament(5), lower_wins).games) {
    if (game.bracket == Bracket::best) best.emplace_back(game.a, game.b);
  }
  const std::vector<std::pair<std::int32_t, std::int32_t>> expected = {{0, 4}, {0, 2}};
  EXPECT_EQ(best, expected);
}

TEST(Tournament, CountsTheLowerNumberAsBetterInATie) {
  EXPECT_EQ(winner({3, 7}, 0.5), 3);
  EXPECT_EQ(winner({7, 3}, 0.5 + 0.9e-6), 3);
  EXPECT_EQ(winner({3, 7}, 0.5 - 0.9e-6), 3);
  EXPECT_EQ(winner({7, 3}, 0.5 + 1.1e-6), 7);
  EXPECT_EQ(winner({3, 7}, 0.5 - 1.1e-6), 7);
}

TEST(Tournament, NeedsTwoContestants) {
  for (std::int32_t n = 0; n < 2; ++n) {
    const auto contest = tournament(n);
    EXPECT_TRUE(contest->next().empty());
    EXPECT_EQ(contest->choice().outcome, PairOutcome::one_response);
  }
}

TEST(Tournament, RefusesProbabilitiesThatAreNone) {
  EXPECT_THROW(tournament(4)->report(std::vector<double>{0.5}), InternalError);
  EXPECT_THROW(tournament(2)->report(std::vector<double>{std::nan("")}), InternalError);
}

}  // namespace
}  // namespace westofn::selection
