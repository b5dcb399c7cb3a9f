// SPDX-License-Identifier: Apache-2.0
// The tournament of the method once more, written as plain recursion over lists, and teachers to play it with.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <set>
#include <utility>
#include <vector>

#include "selection/bracket.h"
#include "util/philox.h"

namespace westofn::selection::testing {

/// P(a > b) for sample numbers; of (a, b) and (b, a) it says the same.
using Teacher = std::function<double(std::int32_t, std::int32_t)>;

/// Prefers the response of higher value: transitive.
inline Teacher teacher_by_value(std::vector<double> values) {
  return [values = std::move(values)](std::int32_t a, std::int32_t b) {
    return 1 / (1 + std::exp(values[static_cast<std::size_t>(b)] - values[static_cast<std::size_t>(a)]));
  };
}

/// Any probabilities at all, in steps of 1/16, so that ties and cycles are common.
inline Teacher random_teacher(std::uint64_t seed) {
  return [seed](std::int32_t a, std::int32_t b) {
    const Philox philox("teacher", seed, 0, "");
    const auto [low, high] = std::minmax(a, b);
    const double u = philox.uniform(static_cast<std::uint32_t>(low), static_cast<std::uint32_t>(high));
    const double p = std::floor(u * 17) / 16;
    return a < b ? p : 1 - p;
  };
}

/// Plays a contest to its end.
struct Play {
  std::vector<Game> games;
  std::vector<double> p;
  Choice choice;
};

inline Play play(Contest& contest, const Teacher& teacher) {
  Play result;
  for (auto games = contest.next(); !games.empty(); games = contest.next()) {
    std::vector<double> p;
    for (const auto& game : games) p.push_back(teacher(game.a, game.b));
    contest.report(p);
    result.games.insert(result.games.end(), games.begin(), games.end());
    result.p.insert(result.p.end(), p.begin(), p.end());
  }
  result.choice = contest.choice();
  return result;
}

/// The method's section 5 on lists of (number, byes).
class PlainTournament {
 public:
  using List = std::vector<std::pair<std::int32_t, int>>;

  explicit PlainTournament(Teacher teacher) : teacher_(std::move(teacher)) {}

  Choice run(const std::vector<std::int32_t>& numbers) {
    List winners;
    List losers;
    for (std::size_t i = 0; i + 1 < numbers.size(); i += 2) {
      const bool first = a_wins(numbers[i], numbers[i + 1]);
      winners.emplace_back(first ? numbers[i] : numbers[i + 1], 0);
      losers.emplace_back(first ? numbers[i + 1] : numbers[i], 0);
    }
    if (numbers.size() % 2 == 1) {
      winners.emplace_back(numbers.back(), 1);
      losers.emplace_back(numbers.back(), 1);
    }
    const auto [best, unused] = last_two(winners, true);
    const auto [last, before] = last_two(losers, false);
    bracket_games = games.size();
    const std::int32_t worst = last == best ? before : last;
    if (!games.contains(std::minmax(best, worst))) a_wins(best, worst);
    const double confidence = teacher_(best, worst);
    return {confidence < 0.5 ? PairOutcome::inverted : PairOutcome::kept, best, worst, confidence, last == best};
  }

  std::set<std::pair<std::int32_t, std::int32_t>> games;
  std::size_t bracket_games = 0;  ///< without the final

 private:
  bool a_wins(std::int32_t a, std::int32_t b) {
    games.insert(std::minmax(a, b));
    const double p = teacher_(a, b);
    return std::abs(p - 0.5) <= 1e-6 ? a < b : p > 0.5;
  }

  /// The last one in a bracket, and whom it met last.
  std::pair<std::int32_t, std::int32_t> last_two(List list, bool winners_go_on) {
    List next;
    List byes;
    if (list.size() % 2 == 1) {
      std::size_t out = 0;
      for (std::size_t i = 0; i < list.size(); ++i) {
        if (list[i].second <= list[out].second) out = i;
      }
      byes.emplace_back(list[out].first, list[out].second + 1);
      list.erase(list.begin() + static_cast<std::ptrdiff_t>(out));
    }
    for (std::size_t i = 0; i < list.size(); i += 2) {
      const bool first_goes_on = a_wins(list[i].first, list[i + 1].first) == winners_go_on;
      next.push_back(first_goes_on ? list[i] : list[i + 1]);
      if (list.size() == 2 && byes.empty()) return {next[0].first, (first_goes_on ? list[i + 1] : list[i]).first};
    }
    next.insert(next.end(), byes.begin(), byes.end());
    return next.size() == 1 ? std::pair(next[0].first, -1) : last_two(next, winners_go_on);
  }

  Teacher teacher_;
};

}  // namespace westofn::selection::testing
