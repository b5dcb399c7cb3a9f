// SPDX-License-Identifier: Apache-2.0
#include "selection/filters.h"

#include "util/error.h"

namespace westofn::selection {

std::vector<Filter> list_filters(const FilterSettings& settings) {
  std::vector<Filter> filters = {{PairOutcome::confidence, settings.confidence}};
  if (settings.likelihood_mode == LikelihoodMode::joint) {
    filters.push_back({PairOutcome::joint, settings.likelihood});
  } else {
    filters.push_back({PairOutcome::chosen, settings.likelihood});
    filters.push_back({PairOutcome::rejected, settings.likelihood});
  }
  return filters;
}

double filter_value(const SyntheticPair& pair, PairOutcome reason, LikelihoodUnit unit) {
  const auto likelihood = [unit](double sum, std::int32_t tokens) {
    return unit == LikelihoodUnit::sum ? sum : sum / tokens;
  };
  const double chosen = likelihood(pair.chosen_log_likelihood, pair.chosen_tokens);
  const double rejected = likelihood(pair.rejected_log_likelihood, pair.rejected_tokens);
  if (reason == PairOutcome::confidence) return pair.confidence;
  if (reason == PairOutcome::chosen) return chosen;
  if (reason == PairOutcome::rejected) return rejected;
  WESTOFN_CHECK(reason == PairOutcome::joint, "no filter gives this reason");
  return chosen + rejected;
}

}  // namespace westofn::selection
