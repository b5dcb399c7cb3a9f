// SPDX-License-Identifier: Apache-2.0
#include "synthesis/play_shard.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <string>

#include "selection/bracket.h"
#include "util/error.h"
#include "util/philox.h"

namespace westofn::synthesis {
namespace {

constexpr double not_asked = std::numeric_limits<double>::quiet_NaN();

/// Index of a pool, the sample shown first, the sample shown second.
using Question = std::array<std::int64_t, 3>;

/// One pool and its play.
struct Table {
  const Pool* pool = nullptr;
  std::unique_ptr<selection::Contest> contest;
  std::vector<selection::Game> games;  ///< of this round
  std::vector<Match> matches;
  PairOutcome outcome = PairOutcome::kept;
};

class ShardPlay {
 public:
  ShardPlay(const MatchSettings& settings, std::uint64_t seed, const Judge& judge)
      : settings_(settings), seed_(seed), judge_(judge) {}

  void seat(const Pool& pool) {
    if (static_cast<std::int64_t>(pool.samples.size()) < settings_.n) {
      throw ConfigError("n: " + std::to_string(settings_.n) + " responses are asked for, but the pools have " +
                        std::to_string(pool.samples.size()) + "; make generation.n larger or n smaller");
    }
    Table table;
    table.pool = &pool;
    table.contest = selection::make_contest(
        settings_.rule, selection::contestants(pool.samples, static_cast<std::int32_t>(settings_.n)), seed_,
        pool.prompt.id);
    tables_.push_back(std::move(table));
  }

  void know(const Match& match) {
    if (std::isfinite(match.p_ab)) answers_[{match.prompt, match.a, match.b}] = match.p_ab;
    if (std::isfinite(match.p_ba_swapped)) answers_[{match.prompt, match.b, match.a}] = match.p_ba_swapped;
  }

  io::MatchShard play() {
    while (play_round()) {
    }
    io::MatchShard shard;
    shard.scored = scored_;
    for (const Table& table : tables_) {
      shard.prompts.push_back(table.pool->index);
      shard.outcomes.push_back(outcome(table));
      shard.matches.insert(shard.matches.end(), table.matches.begin(), table.matches.end());
    }
    return shard;
  }

 private:
  /// One round at every table; false if all play is over.
  bool play_round() {
    bool plays = false;
    for (Table& table : tables_) {
      table.games.clear();
      if (table.outcome != PairOutcome::kept) continue;
      table.games = table.contest->next();
      plays = plays || !table.games.empty();
      ask(table);
    }
    const std::vector<double> p = judge_.score(inputs_);
    WESTOFN_CHECK(p.size() == inputs_.size(), "every input has a score");
    for (std::size_t i = 0; i < p.size(); ++i) answers_[questions_[i]] = p[i];
    scored_ += static_cast<std::int64_t>(inputs_.size());
    questions_.clear();
    inputs_.clear();
    for (Table& table : tables_) {
      if (!table.games.empty()) finish_round(table);
    }
    return plays;
  }

  /// Queues what is not known of the games of a table, or drops the table if one of its inputs is too long.
  void ask(Table& table) {
    const std::size_t queued = inputs_.size();
    for (const auto& game : table.games) {
      for (const Question& question : questions_of(*table.pool, game)) {
        if (answers_.contains(question)) continue;
        auto tokens = judge_.encode(table.pool->prompt.text, response(*table.pool, question[1]),
                                    response(*table.pool, question[2]));
        if (!tokens) {
          inputs_.resize(queued);
          questions_.resize(queued);
          table.games.clear();
          table.outcome = PairOutcome::too_long;
          return;
        }
        inputs_.push_back(std::move(*tokens));
        questions_.push_back(question);
      }
    }
  }

  /// Tells the contest how its games ended, or drops the table if a score is not a number.
  void finish_round(Table& table) {
    std::vector<double> p;
    std::vector<Match> matches;
    for (const auto& game : table.games) {
      Match match{table.pool->index, game.a, game.b, not_asked, not_asked, game.bracket, game.round, 0};
      for (const Question& question : questions_of(*table.pool, game)) {
        const double answer = answers_.at(question);
        if (!std::isfinite(answer)) {
          table.outcome = PairOutcome::non_finite;
          return;
        }
        (question[1] == game.a ? match.p_ab : match.p_ba_swapped) = answer;
      }
      p.push_back(selection::probability(match.p_ab, match.p_ba_swapped));
      match.winner = selection::winner(game, p.back());
      matches.push_back(match);
    }
    table.matches.insert(table.matches.end(), matches.begin(), matches.end());
    table.contest->report(p);
  }

  /// The orders in which a game is asked. A single one is drawn by hash: it does not depend on the bracket.
  [[nodiscard]] std::vector<Question> questions_of(const Pool& pool, const selection::Game& game) const {
    const Question forward = {pool.index, game.a, game.b};
    const Question backward = {pool.index, game.b, game.a};
    if (settings_.orders == Orders::both) return {forward, backward};
    const auto low = static_cast<std::uint32_t>(std::min(game.a, game.b));
    const auto high = static_cast<std::uint32_t>(std::max(game.a, game.b));
    const bool low_first = (Philox("order", seed_, 0, pool.prompt.id).words(low, high)[0] & 1U) == 0;
    return {low_first == (game.a < game.b) ? forward : backward};
  }

  static const std::string& response(const Pool& pool, std::int64_t number) {
    const Sample& sample = pool.samples.at(static_cast<std::size_t>(number));
    WESTOFN_CHECK(sample.number == number, "the samples of a pool are numbered in their order");
    return sample.response;
  }

  /// Whether the pair is inverted is for the recipe to say: here all that could be played is kept.
  static PairOutcome outcome(const Table& table) {
    if (table.outcome != PairOutcome::kept) return table.outcome;
    return table.contest->choice().outcome == PairOutcome::one_response ? PairOutcome::one_response : PairOutcome::kept;
  }

  const MatchSettings& settings_;
  std::uint64_t seed_;
  const Judge& judge_;
  std::vector<Table> tables_;
  std::map<Question, double> answers_;
  std::vector<Question> questions_;  ///< of this round
  std::vector<tokenizer::Tokens> inputs_;
  std::int64_t scored_ = 0;
};

}  // namespace

io::MatchShard play_shard(std::span<const Pool> pools, const MatchSettings& settings, std::uint64_t seed,
                          const Judge& judge, std::span<const Match> known) {
  ShardPlay play(settings, seed, judge);
  for (const Pool& pool : pools) play.seat(pool);
  for (const Match& match : known) play.know(match);
  return play.play();
}

}  // namespace westofn::synthesis
