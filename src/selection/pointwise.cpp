// SPDX-License-Identifier: Apache-2.0
#include "selection/pointwise.h"

#include <algorithm>
#include <cmath>

#include "util/error.h"

namespace westofn::selection {
namespace {

bool is_better(const ScoredSample& a, const ScoredSample& b) {
  return a.score != b.score ? a.score > b.score : a.sample < b.sample;
}

}  // namespace

double preference(double score_a, double score_b) { return 1 / (1 + std::exp(score_b - score_a)); }

Choice choose_by_score(std::span<const ScoredSample> contestants) {
  for (const auto& entry : contestants) WESTOFN_CHECK(std::isfinite(entry.score), "a score that is not finite");
  if (contestants.size() < 2) return {};
  const auto [best, worst] = std::ranges::minmax_element(contestants, is_better);
  return {PairOutcome::kept, best->sample, worst->sample, preference(best->score, worst->score), false};
}

}  // namespace westofn::selection
