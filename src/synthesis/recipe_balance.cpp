// SPDX-License-Identifier: Apache-2.0
#include "synthesis/recipe_balance.h"

#include <nlohmann/json.hpp>
#include <numeric>

#include "util/error.h"

namespace westofn::synthesis {
namespace {

constexpr std::size_t histogram_bins = 20;

std::string name_of(std::size_t outcome) { return std::string(io::outcome_name(static_cast<PairOutcome>(outcome))); }

}  // namespace

std::int64_t RecipeBalance::prompts() const {
  return std::accumulate(outcomes.begin(), outcomes.end(), std::int64_t{0});
}

void RecipeBalance::sum(comm::Communicator& comm) {
  comm.all_reduce(outcomes, comm::ReduceOp::sum);
  pairs = comm.all_reduce(pairs, comm::ReduceOp::sum);
  cycles = comm.all_reduce(cycles, comm::ReduceOp::sum);
  confidence.sum(comm);
  kept_confidence.sum(comm);
}

void RecipeBalance::check(std::int64_t expected_prompts) const {
  WESTOFN_CHECK(prompts() == expected_prompts, "the balance of a recipe has " + std::to_string(prompts()) + " of " +
                                                   std::to_string(expected_prompts) + " prompts");
  const auto dropped_by_filters =
      std::accumulate(outcomes.begin() + static_cast<int>(PairOutcome::confidence), outcomes.end(), std::int64_t{0});
  WESTOFN_CHECK(pairs == outcomes[0] + dropped_by_filters, "every pair is kept or dropped by one filter");
  WESTOFN_CHECK(confidence.pairs() == pairs && kept_confidence.pairs() == outcomes[0], "every pair has a confidence");
}

std::string to_json(const RecipeBalance& balance, std::span<const selection::Filter> filters,
                    std::span<const selection::Cut> cuts) {
  nlohmann::ordered_json json = {{"prompts", balance.prompts()}};
  for (std::size_t i = 0; i < balance.outcomes.size(); ++i) json["outcomes"][name_of(i)] = balance.outcomes[i];
  json["pairs_before_filters"] = balance.pairs;
  json["cycles"] = balance.cycles;
  json["confidence"] = {{"median", balance.confidence.median()},
                        {"median_kept", balance.kept_confidence.median()},
                        {"bin_width", 1.0 / histogram_bins},
                        {"pairs", balance.confidence.in_parts(histogram_bins)},
                        {"kept", balance.kept_confidence.in_parts(histogram_bins)}};
  json["filters"] = nlohmann::ordered_json::array();
  for (std::size_t f = 0; f < filters.size(); ++f) {
    nlohmann::ordered_json entry = {{"of", io::outcome_name(filters[f].reason)}, {"quantile", filters[f].q}};
    if (balance.pairs > 0) entry["lowest_kept"] = {{"value", cuts[f].value}, {"prompt", cuts[f].index}};
    json["filters"].push_back(std::move(entry));
  }
  json["mixture"] = {{"human_pairs", balance.human},
                     {"synthetic_pairs", balance.outcomes[0]},
                     {"rows", balance.mixture},
                     {"human_rows", balance.human_rows},
                     {"synthetic_rows", balance.mixture - balance.human_rows}};
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
