// SPDX-License-Identifier: Apache-2.0
// A shard of pools played with a judge that is a plain formula, and the file that holds the matches.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "io/hdf5.h"
#include "io/match_file.h"
#include "selection/bracket.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"
#include "synthesis/play_shard.h"
#include "util/error.h"

namespace westofn::synthesis {
namespace {

using selection::Rule;
using testing::expect_data_error;
using testing::TemporaryFolder;

/// Responses are the letters a, b, c, ... in an order of the pool's own.
Pool make_pool(std::int64_t index, int size) {
  Pool pool;
  pool.index = index;
  pool.prompt.id = "id" + std::to_string(index);
  pool.prompt.text = "p";
  for (int k = 0; k < size; ++k) {
    Sample sample;
    sample.number = k;
    sample.response = std::string(1, static_cast<char>('a' + (k * 5 + index) % size));
    pool.samples.push_back(sample);
  }
  return pool;
}

/// P(first > second): later letters are better, and the first place is worth something of its own.
double plain_p(std::int32_t first, std::int32_t second) { return 1 / (1 + std::exp(0.3 * (second - first) - 0.5)); }

/// Encodes a question as its two letters, and remembers what was asked.
class LetterJudge {
 public:
  [[nodiscard]] Judge judge() {
    return {[this](std::string_view, std::string_view a, std::string_view b) -> std::optional<tokenizer::Tokens> {
              if (too_long.contains(a[0]) || too_long.contains(b[0])) return std::nullopt;
              return tokenizer::Tokens{a[0], b[0]};
            },
            [this](std::span<const tokenizer::Tokens> inputs) {
              std::vector<double> p;
              for (const auto& input : inputs) {
                ++asked;
                const bool is_bad = bad.contains(static_cast<char>(input[0]));
                p.push_back(is_bad ? std::numeric_limits<double>::quiet_NaN() : plain_p(input[0], input[1]));
              }
              return p;
            }};
  }

  std::int64_t asked = 0;
  std::set<char> too_long;
  std::set<char> bad;
};

io::MatchShard play(std::span<const Pool> pools, const MatchSettings& settings, LetterJudge& letters,
                    std::span<const Match> known = {}) {
  const Judge judge = letters.judge();
  return play_shard(pools, settings, 7, judge, known);
}

std::vector<Match> matches_of(const io::MatchShard& shard, std::int64_t prompt) {
  std::vector<Match> matches;
  for (const auto& match : shard.matches) {
    if (match.prompt == prompt) matches.push_back(match);
  }
  return matches;
}

TEST(PlayShard, AsksBothOrdersOfEveryGameOfTheTournament) {
  const std::vector<Pool> pools = {make_pool(4, 16), make_pool(5, 16)};
  LetterJudge letters;
  const auto shard = play(pools, {Rule::tournament, 16, Orders::both}, letters);
  EXPECT_EQ(shard.prompts, (std::vector<std::int64_t>{4, 5}));
  EXPECT_EQ(shard.outcomes, (std::vector<PairOutcome>(2, PairOutcome::kept)));
  EXPECT_EQ(shard.scored, letters.asked);
  EXPECT_EQ(shard.scored, 2 * static_cast<std::int64_t>(shard.matches.size()));
  for (const auto& match : shard.matches) {
    const auto& samples = pools[static_cast<std::size_t>(match.prompt - 4)].samples;
    const char a = samples[static_cast<std::size_t>(match.a)].response[0];
    const char b = samples[static_cast<std::size_t>(match.b)].response[0];
    EXPECT_DOUBLE_EQ(match.p_ab, plain_p(a, b));
    EXPECT_DOUBLE_EQ(match.p_ba_swapped, plain_p(b, a));
    EXPECT_EQ(match.winner, a > b ? match.a : match.b);
  }
}

TEST(PlayShard, LeadsToTheChoiceOfThePlainContest) {
  const std::vector<Pool> pools = {make_pool(0, 13), make_pool(1, 13), make_pool(2, 13)};
  for (const Rule rule : {Rule::tournament, Rule::exact, Rule::self_training, Rule::best_random, Rule::random}) {
    LetterJudge letters;
    const auto shard = play(pools, {rule, 13, Orders::both}, letters);
    for (const auto& pool : pools) {
      const auto contestants = selection::contestants(pool.samples, 13);
      const auto contest = selection::make_contest(rule, contestants, 7, pool.prompt.id);
      const auto replayed = selection::replay(*contest, matches_of(shard, pool.index));
      EXPECT_EQ(replayed.outcome, PairOutcome::kept);
      if (rule != Rule::tournament && rule != Rule::exact) continue;
      EXPECT_EQ(pool.samples[static_cast<std::size_t>(replayed.chosen)].response, "m");
      EXPECT_EQ(pool.samples[static_cast<std::size_t>(replayed.rejected)].response, "a");
    }
  }
}

TEST(PlayShard, PoolsDoNotTouchOneAnother) {
  const std::vector<Pool> pools = {make_pool(0, 9), make_pool(1, 9), make_pool(2, 9)};
  LetterJudge letters;
  const MatchSettings settings{Rule::tournament, 9, Orders::both};
  const auto together = play(pools, settings, letters);
  for (const auto& pool : pools) {
    const auto alone = play(std::span(&pool, 1), settings, letters).matches;
    const auto found = matches_of(together, pool.index);
    ASSERT_EQ(found.size(), alone.size());
    for (std::size_t i = 0; i < alone.size(); ++i) {
      EXPECT_EQ(found[i].a, alone[i].a);
      EXPECT_EQ(found[i].b, alone[i].b);
      EXPECT_EQ(found[i].p_ab, alone[i].p_ab);
    }
  }
}

TEST(PlayShard, OneOrderAsksHalfAndDrawsBothOrdersAlike) {
  std::vector<Pool> pools;
  for (int i = 0; i < 20; ++i) pools.push_back(make_pool(i, 16));
  LetterJudge letters;
  const auto shard = play(pools, {Rule::tournament, 16, Orders::one}, letters);
  EXPECT_EQ(shard.scored, static_cast<std::int64_t>(shard.matches.size()));
  std::int64_t low_first = 0;
  for (const auto& match : shard.matches) {
    ASSERT_NE(std::isnan(match.p_ab), std::isnan(match.p_ba_swapped));
    low_first += std::isnan(match.p_ba_swapped) == (match.a < match.b) ? 1 : 0;
  }
  const auto games = static_cast<double>(shard.matches.size());
  EXPECT_NEAR(static_cast<double>(low_first) / games, 0.5, 3 / std::sqrt(games));
}

TEST(PlayShard, DoesNotAskWhatAnEarlierStageKnows) {
  const std::vector<Pool> pools = {make_pool(0, 12), make_pool(1, 12)};
  for (const Orders orders : {Orders::both, Orders::one}) {
    LetterJudge letters;
    const auto tournament = play(pools, {Rule::tournament, 12, orders}, letters);
    const MatchSettings settings{Rule::best_random, 12, orders};
    const auto fresh = play(pools, settings, letters);
    letters.asked = 0;
    const auto helped = play(pools, settings, letters, tournament.matches);
    EXPECT_EQ(helped.scored, letters.asked);
    EXPECT_LE(helped.scored, orders == Orders::both ? 4 : 2);
    ASSERT_EQ(helped.matches.size(), fresh.matches.size());
    for (std::size_t i = 0; i < fresh.matches.size(); ++i) {
      EXPECT_EQ(helped.matches[i].winner, fresh.matches[i].winner);
      EXPECT_EQ(std::isnan(helped.matches[i].p_ab), std::isnan(fresh.matches[i].p_ab));
      if (!std::isnan(fresh.matches[i].p_ab)) {
        EXPECT_EQ(helped.matches[i].p_ab, fresh.matches[i].p_ab);
      }
    }
  }
}

TEST(PlayShard, EveryPromptHasAnOutcome) {
  std::vector<Pool> pools = {make_pool(0, 8), make_pool(1, 4), make_pool(2, 8), make_pool(3, 8)};
  for (auto& sample : pools[0].samples) sample.response = "same";
  pools[1].samples.resize(8);  // eight samples: four letters and four empty ones
  for (std::size_t k = 4; k < 8; ++k) pools[1].samples[k].number = static_cast<std::int32_t>(k);
  pools[2].samples[3].response = "X";
  pools[3].samples[7].response = "Y";
  LetterJudge letters;
  letters.too_long = {'X'};
  letters.bad = {'Y'};
  const auto shard = play(pools, {Rule::tournament, 8, Orders::both}, letters);
  EXPECT_EQ(shard.outcomes, (std::vector{PairOutcome::one_response, PairOutcome::kept, PairOutcome::too_long,
                                         PairOutcome::non_finite}));
  EXPECT_TRUE(matches_of(shard, 0).empty());
  EXPECT_FALSE(matches_of(shard, 1).empty());
  for (const auto& match : shard.matches) EXPECT_TRUE(std::isfinite(match.p_ab) && std::isfinite(match.p_ba_swapped));
}

TEST(PlayShard, RefusesPoolsThatAreTooSmall) {
  const std::vector<Pool> pools = {make_pool(0, 8)};
  LetterJudge letters;
  EXPECT_THROW((void)play(pools, {Rule::tournament, 9, Orders::both}, letters), ConfigError);
}

TEST(MatchFile, ComesBackAsItWas) {
  const TemporaryFolder folder;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  io::MatchShard shard;
  shard.prompts = {5, 6, 9};
  shard.outcomes = {PairOutcome::kept, PairOutcome::one_response, PairOutcome::too_long};
  shard.matches = {{5, 0, 3, 0.25, 0.75, Bracket::first, 1, 3}, {9, 4, 1, 0.5, nan, Bracket::final, 2, 1}};
  shard.scored = 3;
  const auto info = io::write_matches(folder / "m.h5", shard);
  const auto found = io::read_matches(folder / "m.h5", info);
  EXPECT_EQ(found.prompts, shard.prompts);
  EXPECT_EQ(found.outcomes, shard.outcomes);
  EXPECT_EQ(found.scored, 3);
  ASSERT_EQ(found.matches.size(), 2U);
  EXPECT_EQ(found.matches[0].prompt, 5);
  EXPECT_EQ(found.matches[0].p_ba_swapped, 0.75);
  EXPECT_EQ(found.matches[1].a, 4);
  EXPECT_EQ(found.matches[1].b, 1);
  EXPECT_TRUE(std::isnan(found.matches[1].p_ba_swapped));
  EXPECT_EQ(found.matches[1].bracket, Bracket::final);
  EXPECT_EQ(found.matches[1].round, 2);
  EXPECT_EQ(found.matches[1].winner, 1);
}

TEST(MatchFile, MayBeWithoutMatches) {
  const TemporaryFolder folder;
  io::MatchShard shard;
  shard.prompts = {0};
  shard.outcomes = {PairOutcome::one_response};
  io::write_matches(folder / "m.h5", shard);
  EXPECT_TRUE(io::read_matches(folder / "m.h5").matches.empty());
}

TEST(MatchFile, RefusesWhatIsNoMatch) {
  const TemporaryFolder folder;
  const auto refuse = [&](const Match& match, const std::string& part) {
    io::MatchShard shard;
    shard.prompts = {5};
    shard.outcomes = {PairOutcome::kept};
    shard.matches = {match};
    io::write_matches(folder / "m.h5", shard);
    expect_data_error([&] { (void)io::read_matches(folder / "m.h5"); }, part);
  };
  refuse({6, 0, 1, 0.5, 0.5, Bracket::only, 1, 0}, "row 0");
  refuse({5, 1, 1, 0.5, 0.5, Bracket::only, 1, 1}, "row 0");
  refuse({5, 0, 1, 0.5, 0.5, Bracket::only, 1, 2}, "row 0");
  refuse({5, 0, 1, 0.5, 0.5, static_cast<Bracket>(5), 1, 0}, "/bracket");
  io::Hdf5Writer other;
  other.attribute("/", "filetype", "westofn/pool");
  other.publish(folder / "m.h5");
  expect_data_error([&] { (void)io::read_matches(folder / "m.h5"); }, "expected 'westofn/matches'");
}

}  // namespace
}  // namespace westofn::synthesis
