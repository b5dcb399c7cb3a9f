// SPDX-License-Identifier: Apache-2.0
#include "synthesis/recipe_balance.h"

#include <nlohmann/json.hpp>
#include <numeric>

namespace westofn::synthesis {
namespace {

std::string name_of(std::size_t outcome) { return std::string(io::outcome_name(static_cast<PairOutcome>(outcome))); }

}  // namespace

std::int64_t RecipeBalance::prompts() const {
  return std::accumulate(outcomes.begin(), outcomes.end(), std::int64_t{0});
}

std::string to_json(const RecipeBalance& balance, std::span<const selection::Filter> filters,
                    std::span<const selection::Cut> cuts) {
  nlohmann::ordered_json json = {{"prompts", balance.prompts()}};
  for (std::size_t i = 0; i < balance.outcomes.size(); ++i) json["outcomes"][name_of(i)] = balance.outcomes[i];
  json["pairs_before_filters"] = balance.pairs;
  json["cycles"] = balance.cycles;
  json["filters"] = nlohmann::ordered_json::array();
  for (std::size_t f = 0; f < filters.size(); ++f) {
    nlohmann::ordered_json entry = {{"of", io::outcome_name(filters[f].reason)}, {"quantile", filters[f].q}};
    if (balance.pairs > 0) entry["lowest_kept"] = {{"value", cuts[f].value}, {"prompt", cuts[f].index}};
    json["filters"].push_back(std::move(entry));
  }
  json["mixture"] = {
      {"human_pairs", balance.human}, {"synthetic_pairs", balance.outcomes[0]}, {"rows", balance.mixture}};
  return json.dump(2) + "\n";
}

std::map<std::string, std::int64_t> manifest_counts(const RecipeBalance& balance) {
  std::map<std::string, std::int64_t> counts = {{"prompts", balance.prompts()},
                                                {"pairs", balance.pairs},
                                                {"cycles", balance.cycles},
                                                {"human", balance.human},
                                                {"mixture", balance.mixture}};
  for (std::size_t i = 0; i < balance.outcomes.size(); ++i) {
    counts[i == 0 ? name_of(i) : "dropped." + name_of(i)] = balance.outcomes[i];
  }
  return counts;
}

}  // namespace westofn::synthesis
