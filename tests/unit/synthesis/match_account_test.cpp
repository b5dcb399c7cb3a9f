// SPDX-License-Identifier: Apache-2.0
#include "synthesis/match_account.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "comm/thread_communicator.h"
#include "selection/bracket.h"
#include "util/philox.h"

namespace westofn::synthesis {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr double not_asked = std::numeric_limits<double>::quiet_NaN();

/// One match of each of `prompts` prompts with these probabilities.
io::MatchShard shard_of(int prompts, double p_ab, double p_ba_swapped) {
  io::MatchShard shard;
  for (int i = 0; i < prompts; ++i) {
    shard.prompts.push_back(i);
    shard.outcomes.push_back(PairOutcome::kept);
    shard.matches.push_back({i, 0, 1, p_ab, p_ba_swapped, Bracket::first, 1, 0});
  }
  return shard;
}

MatchAccount account_of(const io::MatchShard& shard) {
  MatchAccount account;
  account.add(shard);
  return account;
}

TEST(MatchAccount, CountsFlipsAndTheWorthOfTheFirstPlace) {
  io::MatchShard shard = shard_of(1, 0.9, 0.2);                              // 0 wins both times
  shard.matches.push_back({0, 2, 3, 0.9, 0.6, Bracket::first, 1, 2});        // the first place wins both times
  shard.matches.push_back({0, 4, 5, 0.3, 0.1, Bracket::first, 1, 5});        // the second place
  shard.matches.push_back({0, 6, 7, 0.3, not_asked, Bracket::first, 1, 7});  // nobody knows
  shard.matches.push_back({0, 8, 9, 0.5, 0.9, Bracket::first, 1, 8});        // no preference in one order
  shard.scored = 9;
  const auto counts = account_of(shard).counts();
  EXPECT_EQ(counts.at("matches"), 5);
  EXPECT_EQ(counts.at("scored"), 9);
  EXPECT_EQ(counts.at("both_orders"), 4);
  EXPECT_EQ(counts.at("order_disagreements"), 2);
  EXPECT_EQ(counts.at("position_bias_ppm"), std::llround(1e6 * (0.1 + 0.5 - 0.6 + 0.4) / 4));
}

TEST(MatchAccount, FindsTheCyclesThatTheTournamentFinds) {
  io::MatchShard shard;
  std::int64_t cycles = 0;
  for (std::int64_t prompt = 0; prompt < 400; ++prompt) {
    const auto size = static_cast<std::int32_t>(2 + prompt % 9);
    std::vector<std::int32_t> numbers;
    for (std::int32_t k = 0; k < size; ++k) numbers.push_back(2 * k);
    const auto contest = selection::make_contest(selection::Rule::tournament, numbers, 1, "");
    const Philox noise("cycles", 1, 0, std::to_string(prompt));
    for (auto games = contest->next(); !games.empty(); games = contest->next()) {
      std::vector<double> p;
      for (const auto& game : games) {
        p.push_back(noise.uniform(static_cast<std::uint32_t>(game.a), static_cast<std::uint32_t>(game.b)));
        shard.matches.push_back({prompt, game.a, game.b, p.back(), 1 - p.back(), game.bracket, game.round,
                                 selection::winner(game, p.back())});
      }
      contest->report(p);
    }
    shard.prompts.push_back(prompt);
    shard.outcomes.push_back(PairOutcome::kept);
    cycles += contest->choice().cycle ? 1 : 0;
  }
  EXPECT_GT(cycles, 10);
  EXPECT_EQ(account_of(shard).counts().at("cycles"), cycles);
}

TEST(MatchAccount, IsTheSameForAnyNumberOfRanks) {
  std::vector<io::MatchShard> shards;
  for (int i = 0; i < 7; ++i) shards.push_back(shard_of(i + 1, 1.0 / (i + 1.3), 1.0 / (i + 2.7)));
  MatchAccount expected;
  for (const auto& shard : shards) expected.add(shard);
  for (const int ranks : {1, 2, 3, 9}) {
    comm::run_threads(ranks, [&](comm::Communicator& comm) {
      MatchAccount account;
      for (std::size_t i = 0; i < shards.size(); ++i) {
        if (static_cast<int>(i) % ranks == comm.rank()) account.add(shards[i]);
      }
      account.sum(comm);
      EXPECT_EQ(account.counts(), expected.counts());
    });
  }
}

TEST(MatchAccount, WarnsWhenMatchesFlipWithTheOrder) {
  io::MatchShard shard = shard_of(59, 0.9, 0.2);
  for (int i = 0; i < 39; ++i) shard.matches.push_back({58, 0, 1, 0.51, 0.51, Bracket::first, 1, 0});
  EXPECT_THAT(account_of(shard).warnings(), IsEmpty());
  shard.matches.push_back({58, 0, 1, 0.51, 0.51, Bracket::first, 1, 0});
  EXPECT_THAT(account_of(shard).warnings(), ElementsAre(HasSubstr("40.4 % of the matches flip")));
  EXPECT_THAT(account_of(shard_of(49, 0.9, 0.9)).warnings(), IsEmpty()) << "too few to say so";
}

TEST(MatchAccount, WarnsOfALargeBiasThatFlipsLittle) {
  EXPECT_THAT(account_of(shard_of(60, 0.95, 0.30)).warnings(),
              ElementsAre(HasSubstr("favours the first place by 0.25")));
  EXPECT_THAT(account_of(shard_of(60, 0.70, 0.05)).warnings(),
              ElementsAre(HasSubstr("favours the second place by 0.25")));
  EXPECT_THAT(account_of(shard_of(60, 0.90, 0.25)).warnings(), IsEmpty());
}

TEST(MatchAccount, SaysThatOneOrderTellsNothingOfTheOther) {
  const auto account = account_of(shard_of(60, 0.9, not_asked));
  EXPECT_THAT(account.text(), HasSubstr("not known: no match was asked in both orders"));
  EXPECT_THAT(account.warnings(), IsEmpty());
}

TEST(MatchAccount, WarnsOfPromptsThatDoNotFit) {
  io::MatchShard shard = shard_of(19, 0.9, 0.1);
  shard.prompts.push_back(19);
  shard.outcomes.push_back(PairOutcome::too_long);
  EXPECT_THAT(account_of(shard).warnings(), IsEmpty());
  shard.prompts.push_back(20);
  shard.outcomes.push_back(PairOutcome::too_long);
  EXPECT_THAT(account_of(shard).warnings(), ElementsAre(HasSubstr("raise preference_model.max_input_tokens")));
  EXPECT_THAT(account_of(shard).text(), HasSubstr("too long for the preference model   2"));
}

}  // namespace
}  // namespace westofn::synthesis
