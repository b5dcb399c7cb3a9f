// SPDX-License-Identifier: Apache-2.0
// Who plays whom in a pool, and who is best and worst: state machines that ask for games and are told their P.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "record/records.h"
#include "selection/rules.h"

namespace westofn::selection {

/// |P - 0.5| up to this is a tie: the lower number counts as better.
inline constexpr double tie_tolerance = 1e-6;

/// Two responses of a pool that have to be compared; sample numbers.
struct Game {
  std::int32_t a = 0;
  std::int32_t b = 0;
  Bracket bracket = Bracket::only;
  std::int32_t round = 1;  ///< from 1 within its bracket
};

/// What a rule makes of a pool.
struct Choice {
  PairOutcome outcome = PairOutcome::one_response;  ///< kept, one_response or inverted
  std::int32_t chosen = -1;                         ///< sample numbers; -1 without a pair
  std::int32_t rejected = -1;
  double confidence = 0;  ///< P(chosen > rejected)
  bool cycle = false;     ///< one response won both brackets
};

/// The play of one pool under a rule. It never asks twice for the same two samples, in whichever order.
class Contest {
 public:
  virtual ~Contest() = default;

  /// The games to be played now, which do not depend on one another; empty: it is over. The same until report().
  [[nodiscard]] virtual std::vector<Game> next() = 0;

  /// P(a > b) of the games of next(), in their order; finite numbers.
  virtual void report(std::span<const double> p) = 0;

  /// The pair; valid when next() is empty.
  [[nodiscard]] virtual Choice choice() const = 0;
};

/// The numbers of the contestants among the first `n` samples, ascending: responses that are not empty and differ from
/// one another; of equal ones the lowest number.
[[nodiscard]] std::vector<std::int32_t> contestants(std::span<const Sample> samples, std::int32_t n);

/// The play under a rule other than `pointwise` (see choose_by_score); `seed` and `prompt_id` decide what the rules
/// with chance draw.
[[nodiscard]] std::unique_ptr<Contest> make_contest(Rule rule, std::vector<std::int32_t> contestants,
                                                    std::uint64_t seed, const std::string& prompt_id);

/// The number of the sample that wins at P(a > b) = p.
[[nodiscard]] std::int32_t winner(const Game& game, double p);

/// P(a > b) of a match: both orders averaged; where one of the two is NaN (that order was not asked), the other alone.
[[nodiscard]] double probability(double p_ab, double p_ba_swapped);

/// The choice that the matches of a pool lead to; throws DataError if one that the rule needs is missing.
[[nodiscard]] Choice replay(Contest& contest, std::span<const Match> matches);

}  // namespace westofn::selection
