// SPDX-License-Identifier: Apache-2.0
#include "selection/tournament.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "util/error.h"

namespace westofn::selection {

void PlayedGames::add(const Game& game, double p) {
  WESTOFN_CHECK(std::isfinite(p), "a probability that is not finite");
  const bool is_new = p_.emplace(std::minmax(game.a, game.b), game.a < game.b ? p : 1 - p).second;
  WESTOFN_CHECK(is_new, "two responses met twice");
}

std::optional<double> PlayedGames::find(std::int32_t a, std::int32_t b) const {
  const auto entry = p_.find(std::minmax(a, b));
  if (entry == p_.end()) return std::nullopt;
  return a < b ? entry->second : 1 - entry->second;
}

Knockout::Knockout(Bracket bracket, std::vector<Entrant> entrants)
    : bracket_(bracket), entrants_(std::move(entrants)) {}

std::optional<std::size_t> Knockout::sits_out() const {
  if (entrants_.size() % 2 == 0) return std::nullopt;
  std::size_t chosen = entrants_.size() - 1;
  for (std::size_t i = chosen; i-- > 0;) {
    if (entrants_[i].byes < entrants_[chosen].byes) chosen = i;
  }
  return chosen;
}

std::vector<Game> Knockout::games() const {
  std::vector<Game> games;
  if (entrants_.size() < 2) return games;
  std::optional<std::int32_t> waiting;
  const auto bye = sits_out();
  for (std::size_t i = 0; i < entrants_.size(); ++i) {
    if (i == bye) continue;
    if (waiting) {
      games.push_back({*waiting, entrants_[i].number, bracket_, round_});
      waiting.reset();
    } else {
      waiting = entrants_[i].number;
    }
  }
  return games;
}

void Knockout::advance(std::span<const double> p) {
  const std::vector<Game> played = games();
  WESTOFN_CHECK(p.size() == played.size(), "one probability a game");
  std::map<std::int32_t, std::int32_t> byes;
  for (const auto& entrant : entrants_) byes[entrant.number] = entrant.byes;
  std::vector<Entrant> next;
  for (std::size_t i = 0; i < played.size(); ++i) {
    const std::int32_t won = winner(played[i], p[i]);
    const std::int32_t lost = won == played[i].a ? played[i].b : played[i].a;
    const std::int32_t goes_on = bracket_ == Bracket::best ? won : lost;
    other_finalist_ = bracket_ == Bracket::best ? lost : won;
    next.push_back({goes_on, byes[goes_on]});
  }
  if (const auto bye = sits_out()) next.push_back({entrants_[*bye].number, entrants_[*bye].byes + 1});
  entrants_ = std::move(next);
  ++round_;
}

std::int32_t Knockout::survivor() const {
  WESTOFN_CHECK(entrants_.size() == 1, "the bracket is not over");
  return entrants_.front().number;
}

Tournament::Tournament(std::vector<std::int32_t> contestants, Aim aim)
    : contestants_(std::move(contestants)), aim_(aim), best_(Bracket::best, {}), worst_(Bracket::worst, {}) {}

std::vector<Game> Tournament::next() {
  std::vector<Game> games;
  if (contestants_.size() < 2) return games;
  if (!first_round_played_) {
    for (std::size_t i = 0; i + 1 < contestants_.size(); i += 2) {
      games.push_back({contestants_[i], contestants_[i + 1], Bracket::first, 1});
    }
    return games;
  }
  games = best_.games();
  if (aim_ == Aim::best_only) return games;
  const auto worst_games = worst_.games();
  games.insert(games.end(), worst_games.begin(), worst_games.end());
  if (!games.empty()) return games;
  const auto [best, worst] = finalists();
  if (!played_.find(best, worst)) games.push_back({best, worst, Bracket::final, 1});
  return games;
}

void Tournament::report(std::span<const double> p) {
  const std::vector<Game> games = next();
  WESTOFN_CHECK(!games.empty() && p.size() == games.size(), "one probability a game");
  for (std::size_t i = 0; i < games.size(); ++i) played_.add(games[i], p[i]);
  if (!first_round_played_) {
    fill_brackets(games, p);
  } else if (games.front().bracket != Bracket::final) {
    const std::size_t best_games = best_.games().size();
    best_.advance(p.first(best_games));
    if (aim_ == Aim::best_and_worst) worst_.advance(p.subspan(best_games));
  }
}

void Tournament::fill_brackets(std::span<const Game> games, std::span<const double> p) {
  std::vector<Knockout::Entrant> winners;
  std::vector<Knockout::Entrant> losers;
  for (std::size_t i = 0; i < games.size(); ++i) {
    const std::int32_t won = winner(games[i], p[i]);
    winners.push_back({won, 0});
    losers.push_back({won == games[i].a ? games[i].b : games[i].a, 0});
  }
  if (contestants_.size() % 2 == 1) {  // its bye counts in both brackets
    winners.push_back({contestants_.back(), 1});
    losers.push_back({contestants_.back(), 1});
  }
  best_ = Knockout(Bracket::best, std::move(winners));
  worst_ = Knockout(Bracket::worst, std::move(losers));
  first_round_played_ = true;
}

std::pair<std::int32_t, std::int32_t> Tournament::finalists() const {
  const std::int32_t best = best_.survivor();
  const std::int32_t worst = worst_.survivor();
  return {best, worst == best ? worst_.other_finalist() : worst};
}

Choice Tournament::choice() const {
  if (contestants_.size() < 2) return {};
  const auto [best, worst] = finalists();
  const auto confidence = played_.find(best, worst);
  WESTOFN_CHECK(confidence.has_value(), "the final is not played");
  const PairOutcome outcome = *confidence < 0.5 ? PairOutcome::inverted : PairOutcome::kept;
  return {outcome, best, worst, *confidence, worst_.survivor() == best};
}

}  // namespace westofn::selection
