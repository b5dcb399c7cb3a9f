// SPDX-License-Identifier: Apache-2.0
#include "synthesis/match_account.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <span>

#include "synthesis/account_text.h"

namespace westofn::synthesis {
namespace {

constexpr double many_flips = 0.4;
constexpr double large_bias = 0.2;
constexpr double many_too_long = 0.05;
constexpr double million = 1e6;
constexpr std::int64_t enough_matches = 50;  // a share of fewer says nothing

/// One response won both brackets: who won the last game of the one lost the last game of the other.
bool is_cycle(std::span<const Match> matches) {
  const Match* best = nullptr;
  const Match* worst = nullptr;
  for (const Match& match : matches) {
    if (match.bracket == Bracket::best && (best == nullptr || match.round >= best->round)) best = &match;
    if (match.bracket == Bracket::worst && (worst == nullptr || match.round >= worst->round)) worst = &match;
  }
  if (best == nullptr || worst == nullptr) return false;
  return best->winner == (worst->winner == worst->a ? worst->b : worst->a);
}

}  // namespace

bool orders_disagree(const Match& match) { return (match.p_ab - 0.5) * (match.p_ba_swapped - 0.5) > 0; }

void MatchAccount::add(const io::MatchShard& shard) {
  const auto with = [&](PairOutcome outcome) { return std::ranges::count(shard.outcomes, outcome); };
  sums_[prompts] += static_cast<std::int64_t>(shard.prompts.size());
  sums_[kept] += with(PairOutcome::kept);
  sums_[one_response] += with(PairOutcome::one_response);
  sums_[too_long] += with(PairOutcome::too_long);
  sums_[non_finite_prompts] += with(PairOutcome::non_finite);
  sums_[matches] += static_cast<std::int64_t>(shard.matches.size());
  sums_[scored] += shard.scored;
  for (const Match& match : shard.matches) {
    if (!std::isfinite(match.p_ab) || !std::isfinite(match.p_ba_swapped)) continue;
    ++sums_[both_orders];
    sums_[disagreements] += orders_disagree(match) ? 1 : 0;
    sums_[bias_ppm] += std::llround((match.p_ab + match.p_ba_swapped - 1) * million);
  }
  auto begin = shard.matches.begin();
  for (std::size_t i = 0; i < shard.prompts.size(); ++i) {
    const auto end =
        std::find_if(begin, shard.matches.end(), [&](const Match& match) { return match.prompt != shard.prompts[i]; });
    if (shard.outcomes[i] == PairOutcome::kept && is_cycle({begin, end})) ++sums_[cycles];
    begin = end;
  }
}

void MatchAccount::sum(comm::Communicator& comm) { comm.all_reduce(sums_, comm::ReduceOp::sum); }

double MatchAccount::position_bias() const { return share_of(sums_[bias_ppm], sums_[both_orders]) / million; }

std::map<std::string, std::int64_t> MatchAccount::counts() const {
  return {{"prompts", sums_[prompts]},
          {"kept", sums_[kept]},
          {"one_response", sums_[one_response]},
          {"too_long", sums_[too_long]},
          {"non_finite", sums_[non_finite_prompts]},
          {"matches", sums_[matches]},
          {"scored", sums_[scored]},
          {"cycles", sums_[cycles]},
          {"both_orders", sums_[both_orders]},
          {"order_disagreements", sums_[disagreements]},
          {"position_bias_ppm", std::llround(position_bias() * million)}};
}

std::string MatchAccount::text() const {
  const std::vector<CountLine> outcomes = {{"played", sums_[kept]},
                                           {"too few different responses", sums_[one_response]},
                                           {"too long for the preference model", sums_[too_long]},
                                           {"scores that are not numbers", sums_[non_finite_prompts]},
                                           {"all prompts", sums_[prompts]}};
  std::string text = std::to_string(sums_[matches]) + " matches for " + std::to_string(sums_[prompts]) + " prompts, " +
                     std::to_string(sums_[scored]) + " inputs scored" + counts_text(outcomes, sums_[prompts]);
  if (sums_[matches] == 0) return text;
  const bool known = sums_[both_orders] > 0;
  const std::string not_asked = "not known: no match was asked in both orders";
  const std::vector<AccountLine> lines = {
      {"cycles", std::to_string(sums_[cycles]) + " (one response won both brackets)"},
      {"matches that flip with the order", known ? std::to_string(sums_[disagreements]) + ", " +
                                                       percent_text(sums_[disagreements], sums_[both_orders]) + " of " +
                                                       std::to_string(sums_[both_orders])
                                                 : not_asked},
      {"worth of the first place", known ? fixed_text(position_bias(), 3) + " (0: none; up to 1 and -1)" : not_asked}};
  return text + lines_text(lines);
}

std::vector<std::string> MatchAccount::warnings() const {
  std::vector<std::string> found;
  const bool enough = sums_[both_orders] >= enough_matches;
  if (enough && share_of(sums_[disagreements], sums_[both_orders]) >= many_flips) {
    found.push_back(percent_text(sums_[disagreements], sums_[both_orders]) +
                    " of the matches flip when the two responses change places: the preference model sees their "
                    "position, not their content. Train it longer or on more pairs, look at its validation accuracy, "
                    "and keep orders: both");
  } else if (enough && std::abs(position_bias()) >= large_bias) {
    found.push_back("the preference model favours the " + std::string(position_bias() > 0 ? "first" : "second") +
                    " place by " + fixed_text(std::abs(position_bias()), 2) +
                    ": both orders average it out, one order would not. Train it longer, and keep orders: both");
  }
  if (share_of(sums_[too_long], sums_[prompts]) > many_too_long) {
    found.push_back(percent_text(sums_[too_long], sums_[prompts]) +
                    " of the prompts are lost because two of their responses do not fit into the input of the "
                    "preference model: raise preference_model.max_input_tokens, or lower generation.max_new_tokens");
  }
  return found;
}

}  // namespace westofn::synthesis
