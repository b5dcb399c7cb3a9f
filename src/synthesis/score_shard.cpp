// SPDX-License-Identifier: Apache-2.0
#include "synthesis/score_shard.h"

#include <cmath>
#include <cstddef>
#include <limits>
#include <string>

#include "selection/bracket.h"
#include "selection/pointwise.h"
#include "util/error.h"

namespace westofn::synthesis {
namespace {

/// One pool and what is asked of it.
struct Entry {
  const Pool* pool = nullptr;
  std::vector<std::int32_t> contestants;
  PairOutcome outcome = PairOutcome::kept;
};

Entry make_entry(const Pool& pool, const MatchSettings& settings) {
  if (static_cast<std::int64_t>(pool.samples.size()) < settings.n) {
    throw ConfigError("n: " + std::to_string(settings.n) + " responses are asked for, but the pools have " +
                      std::to_string(pool.samples.size()) + "; make generation.n larger or n smaller");
  }
  Entry entry{&pool, selection::contestants(pool.samples, static_cast<std::int32_t>(settings.n))};
  if (entry.contestants.size() < 2) entry.outcome = PairOutcome::one_response;
  return entry;
}

/// Queues the contestants of a pool, or drops it if one of them is too long.
void ask(Entry& entry, const ResponseScorer& scorer, std::vector<tokenizer::Tokens>& inputs) {
  if (entry.outcome != PairOutcome::kept) return;
  const std::size_t queued = inputs.size();
  for (const std::int32_t number : entry.contestants) {
    const Sample& sample = entry.pool->samples.at(static_cast<std::size_t>(number));
    WESTOFN_CHECK(sample.number == number, "the samples of a pool are numbered in their order");
    auto tokens = scorer.encode(entry.pool->prompt.text, sample.response);
    if (!tokens) {
      inputs.resize(queued);
      entry.outcome = PairOutcome::too_long;
      return;
    }
    inputs.push_back(std::move(*tokens));
  }
}

/// Takes the scores of the contestants of a pool, which come first.
void take(Entry& entry, std::span<const double> scores, io::MatchShard& shard) {
  std::vector<ScoredSample> found;
  for (std::size_t i = 0; i < entry.contestants.size(); ++i) {
    found.push_back({entry.pool->index, entry.contestants[i], scores[i]});
    if (!std::isfinite(scores[i])) entry.outcome = PairOutcome::non_finite;
  }
  if (entry.outcome != PairOutcome::kept) return;
  const selection::Choice choice = selection::choose_by_score(found);
  constexpr double not_asked = std::numeric_limits<double>::quiet_NaN();
  shard.matches.push_back({entry.pool->index, choice.chosen, choice.rejected, choice.confidence, not_asked,
                           Bracket::only, 1, choice.chosen});
  shard.scores.insert(shard.scores.end(), found.begin(), found.end());
}

}  // namespace

io::MatchShard score_shard(std::span<const Pool> pools, const MatchSettings& settings, const ResponseScorer& scorer) {
  std::vector<Entry> entries;
  std::vector<tokenizer::Tokens> inputs;
  for (const Pool& pool : pools) {
    entries.push_back(make_entry(pool, settings));
    ask(entries.back(), scorer, inputs);
  }
  const std::vector<double> scores = scorer.score(inputs);
  WESTOFN_CHECK(scores.size() == inputs.size(), "every input has a score");
  io::MatchShard shard;
  shard.scored = static_cast<std::int64_t>(inputs.size());
  std::size_t next = 0;
  for (Entry& entry : entries) {
    if (entry.outcome == PairOutcome::kept) {
      const std::size_t count = entry.contestants.size();
      take(entry, std::span(scores).subspan(next, count), shard);
      next += count;
    }
    shard.prompts.push_back(entry.pool->index);
    shard.outcomes.push_back(entry.outcome);
  }
  return shard;
}

}  // namespace westofn::synthesis
