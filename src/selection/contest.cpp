// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "selection/bracket.h"
#include "selection/tournament.h"
#include "util/error.h"
#include "util/philox.h"

namespace westofn::selection {
namespace {

/// All games are known from the start.
class FixedGames : public Contest {
 public:
  explicit FixedGames(std::vector<Game> games) : games_(std::move(games)) {}

  std::vector<Game> next() override { return p_.empty() ? games_ : std::vector<Game>(); }
  void report(std::span<const double> p) override {
    WESTOFN_CHECK(p.size() == games_.size() && p_.empty(), "one probability a game");
    p_.assign(p.begin(), p.end());
  }

 protected:
  [[nodiscard]] const std::vector<Game>& games() const { return games_; }
  [[nodiscard]] double p(std::size_t game) const { return p_.at(game); }

 private:
  std::vector<Game> games_;
  std::vector<double> p_;
};

std::vector<Game> every_game(const std::vector<std::int32_t>& contestants) {
  std::vector<Game> games;
  for (std::size_t i = 0; i < contestants.size(); ++i) {
    for (std::size_t j = i + 1; j < contestants.size(); ++j) games.push_back({contestants[i], contestants[j]});
  }
  return games;
}

/// The ordered pair with the highest P; of equal ones the first by numbers.
class Exact final : public FixedGames {
 public:
  explicit Exact(const std::vector<std::int32_t>& contestants) : FixedGames(every_game(contestants)) {}

  [[nodiscard]] Choice choice() const override {
    Choice best;
    const auto consider = [&](std::int32_t a, std::int32_t b, double p_ab) {
      const bool first_of_equals = p_ab == best.confidence && std::pair(a, b) < std::pair(best.chosen, best.rejected);
      if (best.outcome == PairOutcome::kept && p_ab <= best.confidence && !first_of_equals) return;
      best = {PairOutcome::kept, a, b, p_ab, false};
    };
    for (std::size_t i = 0; i < games().size(); ++i) {
      consider(games()[i].a, games()[i].b, p(i));
      consider(games()[i].b, games()[i].a, 1 - p(i));
    }
    return best;
  }
};

/// Samples 0 and 1, if both are contestants.
std::vector<Game> first_two(const std::vector<std::int32_t>& contestants) {
  if (contestants.size() < 2 || contestants[0] != 0 || contestants[1] != 1) return {};
  return {{0, 1}};
}

/// Samples 0 and 1, the preferred one chosen.
class SelfTraining final : public FixedGames {
 public:
  explicit SelfTraining(const std::vector<std::int32_t>& contestants) : FixedGames(first_two(contestants)) {}

  [[nodiscard]] Choice choice() const override {
    if (games().empty()) return {};
    if (winner(games()[0], p(0)) == 0) return {PairOutcome::kept, 0, 1, p(0), false};
    return {PairOutcome::kept, 1, 0, 1 - p(0), false};
  }
};

/// The best of the tournament against a random other one. The label stands whatever P says of the two.
class BestRandom final : public Contest {
 public:
  BestRandom(std::vector<std::int32_t> contestants, std::uint64_t seed, const std::string& prompt_id)
      : contestants_(std::move(contestants)),
        random_("best-random", seed, 0, prompt_id),
        tournament_(contestants_, Tournament::Aim::best_only) {}

  std::vector<Game> next() override {
    std::vector<Game> games = tournament_.next();
    if (!games.empty() || contestants_.size() < 2) return games;
    const auto [best, other] = pair();
    if (!last_p_ && !tournament_.played().find(best, other)) games.push_back({best, other, Bracket::final, 1});
    return games;
  }

  void report(std::span<const double> p) override {
    if (!tournament_.next().empty()) return tournament_.report(p);
    WESTOFN_CHECK(p.size() == 1 && std::isfinite(p[0]) && !last_p_, "one finite probability a game");
    last_p_ = p[0];
  }

  [[nodiscard]] Choice choice() const override {
    if (contestants_.size() < 2) return {};
    const auto [best, other] = pair();
    const auto confidence = last_p_ ? last_p_ : tournament_.played().find(best, other);
    WESTOFN_CHECK(confidence.has_value(), "the last game is not played");
    return {PairOutcome::kept, best, other, *confidence, false};
  }

 private:
  [[nodiscard]] std::pair<std::int32_t, std::int32_t> pair() const {
    std::vector<std::int32_t> others;
    for (const auto number : contestants_) {
      if (number != tournament_.best()) others.push_back(number);
    }
    RandomSequence draw(random_);
    return {tournament_.best(), others[draw.below(static_cast<std::uint32_t>(others.size()))]};
  }

  std::vector<std::int32_t> contestants_;
  Philox random_;
  Tournament tournament_;
  std::optional<double> last_p_;
};

/// Two contestants in random order, so that the label is a coin's. Nothing is played: the confidence is 0.5.
class Random final : public Contest {
 public:
  Random(const std::vector<std::int32_t>& contestants, std::uint64_t seed, const std::string& prompt_id) {
    if (contestants.size() < 2) return;
    RandomSequence draw(Philox("random", seed, 0, prompt_id));
    const auto count = static_cast<std::uint32_t>(contestants.size());
    const std::uint32_t chosen = draw.below(count);
    const std::uint32_t other = draw.below(count - 1);
    choice_ = {PairOutcome::kept, contestants[chosen], contestants[other + (other >= chosen ? 1 : 0)], 0.5, false};
  }

  std::vector<Game> next() override { return {}; }
  void report(std::span<const double> /*p*/) override { WESTOFN_CHECK(false, "no game was asked for"); }
  [[nodiscard]] Choice choice() const override { return choice_; }

 private:
  Choice choice_;
};

}  // namespace

std::vector<std::int32_t> contestants(std::span<const Sample> samples, std::int32_t n) {
  std::map<std::string_view, std::int32_t> lowest;
  for (const auto& sample : samples) {
    if (sample.number >= n || sample.response.empty()) continue;
    const auto [entry, is_new] = lowest.emplace(sample.response, sample.number);
    if (!is_new) entry->second = std::min(entry->second, sample.number);
  }
  std::set<std::int32_t> numbers;
  for (const auto& [text, number] : lowest) numbers.insert(number);
  return {numbers.begin(), numbers.end()};
}

std::unique_ptr<Contest> make_contest(Rule rule, std::vector<std::int32_t> contestants, std::uint64_t seed,
                                      const std::string& prompt_id) {
  switch (rule) {
    case Rule::tournament: return std::make_unique<Tournament>(std::move(contestants), Tournament::Aim::best_and_worst);
    case Rule::exact: return std::make_unique<Exact>(contestants);
    case Rule::self_training: return std::make_unique<SelfTraining>(contestants);
    case Rule::best_random: return std::make_unique<BestRandom>(std::move(contestants), seed, prompt_id);
    case Rule::random: return std::make_unique<Random>(contestants, seed, prompt_id);
    case Rule::pointwise: break;
  }
  WESTOFN_CHECK(false, "a rule without a contest");
  return nullptr;
}

std::int32_t winner(const Game& game, double p) {
  if (std::abs(p - 0.5) <= tie_tolerance) return std::min(game.a, game.b);
  return p > 0.5 ? game.a : game.b;
}

double probability(double p_ab, double p_ba_swapped) {
  if (std::isnan(p_ba_swapped)) return p_ab;
  if (std::isnan(p_ab)) return 1 - p_ba_swapped;
  return (p_ab + 1 - p_ba_swapped) / 2;
}

Choice replay(Contest& contest, std::span<const Match> matches) {
  std::map<std::pair<std::int32_t, std::int32_t>, double> known;
  for (const auto& match : matches) {
    const double p = probability(match.p_ab, match.p_ba_swapped);
    known[{match.a, match.b}] = p;
    known[{match.b, match.a}] = 1 - p;
  }
  for (auto games = contest.next(); !games.empty(); games = contest.next()) {
    std::vector<double> p;
    for (const auto& game : games) {
      const auto entry = known.find({game.a, game.b});
      if (entry == known.end()) {
        throw DataError("no match of the samples " + std::to_string(game.a) + " and " + std::to_string(game.b) +
                        " is stored, which the rule needs; the matches belong to another rule or N");
      }
      p.push_back(entry->second);
    }
    contest.report(p);
  }
  return contest.choice();
}

}  // namespace westofn::selection
