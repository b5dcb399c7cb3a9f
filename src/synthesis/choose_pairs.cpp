// SPDX-License-Identifier: Apache-2.0
#include "synthesis/choose_pairs.h"

#include <algorithm>
#include <cstddef>

#include "selection/bracket.h"
#include "selection/pointwise.h"
#include "util/error.h"
#include "util/text.h"

namespace westofn::synthesis {
namespace {

const Sample& sample_of(const Pool& pool, std::int32_t number) {
  const auto sample = std::find_if(pool.samples.begin(), pool.samples.end(),
                                   [number](const Sample& candidate) { return candidate.number == number; });
  WESTOFN_CHECK(sample != pool.samples.end(), "a chosen sample is not in the pool");
  return *sample;
}

void add_samples(const Pool& pool, const selection::Choice& choice, SyntheticPair& pair) {
  const Sample& chosen = sample_of(pool, choice.chosen);
  const Sample& rejected = sample_of(pool, choice.rejected);
  pair.cycle = choice.cycle;
  pair.chosen = choice.chosen;
  pair.rejected = choice.rejected;
  pair.confidence = choice.confidence;
  pair.chosen_response = chosen.response;
  pair.rejected_response = rejected.response;
  pair.chosen_log_likelihood = chosen.log_likelihood;
  pair.rejected_log_likelihood = rejected.log_likelihood;
  pair.chosen_tokens = static_cast<std::int32_t>(chosen.tokens.size());
  pair.rejected_tokens = static_cast<std::int32_t>(rejected.tokens.size());
}

/// The record of a prompt without a pair.
SyntheticPair no_pair(const Pool& pool, PairOutcome reason) {
  SyntheticPair pair;
  pair.prompt = pool.index;
  pair.prompt_id = pool.prompt.id;
  pair.group = pool.prompt.group;
  pair.prompt_text = pool.prompt.text;
  pair.outcome = reason;
  return pair;
}

/// What the rule makes of the matches of a pool, or of the scores of its samples.
selection::Choice choose(const Pool& pool, std::span<const Match> matches, std::span<const ScoredSample> scores,
                         const MatchSettings& settings, std::uint64_t seed) {
  const auto numbers = selection::contestants(pool.samples, static_cast<std::int32_t>(settings.n));
  if (settings.rule != selection::Rule::pointwise) {
    return selection::replay(*selection::make_contest(settings.rule, numbers, seed, pool.prompt.id), matches);
  }
  if (!std::ranges::equal(scores, numbers, {}, &ScoredSample::sample)) {
    throw DataError("the scores of prompt '" + printable(pool.prompt.id, 60) +
                    "' are not those of its different responses; the matches belong to another rule or N");
  }
  return selection::choose_by_score(scores);
}

SyntheticPair choose_pair(const Pool& pool, std::span<const Match> matches, std::span<const ScoredSample> scores,
                          const MatchSettings& settings, std::uint64_t seed) {
  if (pool.samples.size() < static_cast<std::size_t>(settings.n)) {
    throw DataError(
        "the pool of prompt '" + printable(pool.prompt.id, 60) + "' has " + std::to_string(pool.samples.size()) +
        " samples, the recipe asks for n: " + std::to_string(settings.n) + "; set generation.n to at least that");
  }
  const selection::Choice choice = choose(pool, matches, scores, settings, seed);
  SyntheticPair pair = no_pair(pool, choice.outcome);
  if (choice.outcome != PairOutcome::one_response) add_samples(pool, choice, pair);
  return pair;
}

}  // namespace

std::vector<SyntheticPair> choose_pairs(std::span<const Pool> pools, const io::MatchShard& matches,
                                        const MatchSettings& settings, std::uint64_t seed) {
  const bool same_prompts = std::ranges::equal(pools, matches.prompts, {}, &Pool::index);
  if (!same_prompts || matches.outcomes.size() != pools.size()) {
    throw DataError("the matches are of other prompts than the pools");
  }
  std::vector<SyntheticPair> pairs;
  auto begin = matches.matches.begin();
  auto first_score = matches.scores.begin();
  for (std::size_t i = 0; i < pools.size(); ++i) {
    const auto is_other = [&](const auto& row) { return row.prompt != pools[i].index; };
    const auto end = std::find_if(begin, matches.matches.end(), is_other);
    const auto last_score = std::find_if(first_score, matches.scores.end(), is_other);
    const bool was_played = matches.outcomes[i] == PairOutcome::kept;
    pairs.push_back(was_played ? choose_pair(pools[i], {begin, end}, {first_score, last_score}, settings, seed)
                               : no_pair(pools[i], matches.outcomes[i]));
    begin = end;
    first_score = last_score;
  }
  return pairs;
}

}  // namespace westofn::synthesis
