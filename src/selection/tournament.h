// SPDX-License-Identifier: Apache-2.0
// The tournament: round 1 splits the contestants into two brackets, which knock-out halves until one is left in each.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "selection/bracket.h"

namespace westofn::selection {

/// The games of a contest that have been played.
class PlayedGames {
 public:
  void add(const Game& game, double p);
  /// P(a > b) if the two have met, in whichever order.
  [[nodiscard]] std::optional<double> find(std::int32_t a, std::int32_t b) const;

 private:
  std::map<std::pair<std::int32_t, std::int32_t>, double> p_;  ///< of the lower number over the higher
};

/// One bracket. With an odd number of entrants the last one of those with the fewest byes sits out and comes last in
/// the next round.
class Knockout {
 public:
  struct Entrant {
    std::int32_t number = 0;
    std::int32_t byes = 0;
  };

  /// In `Bracket::best` winners go on, in `Bracket::worst` losers.
  Knockout(Bracket bracket, std::vector<Entrant> entrants);

  /// The games of this round; none if at most one entrant is left.
  [[nodiscard]] std::vector<Game> games() const;
  /// P(a > b) of games(), in their order.
  void advance(std::span<const double> p);

  /// The only entrant left.
  [[nodiscard]] std::int32_t survivor() const;
  /// Whom the survivor met last.
  [[nodiscard]] std::int32_t other_finalist() const { return other_finalist_; }

 private:
  [[nodiscard]] std::optional<std::size_t> sits_out() const;

  Bracket bracket_;
  std::vector<Entrant> entrants_;
  std::int32_t round_ = 1;
  std::int32_t other_finalist_ = -1;
};

/// Best and worst of a pool, or the best alone.
class Tournament final : public Contest {
 public:
  enum class Aim { best_and_worst, best_only };

  Tournament(std::vector<std::int32_t> contestants, Aim aim);

  [[nodiscard]] std::vector<Game> next() override;
  void report(std::span<const double> p) override;
  /// Of a tournament for best and worst.
  [[nodiscard]] Choice choice() const override;

  [[nodiscard]] std::int32_t best() const { return best_.survivor(); }
  [[nodiscard]] const PlayedGames& played() const { return played_; }

 private:
  void fill_brackets(std::span<const Game> games, std::span<const double> p);
  /// Best and worst, which differ also after a cycle.
  [[nodiscard]] std::pair<std::int32_t, std::int32_t> finalists() const;

  std::vector<std::int32_t> contestants_;
  Aim aim_;
  bool first_round_played_ = false;
  Knockout best_;
  Knockout worst_;
  PlayedGames played_;
};

}  // namespace westofn::selection
