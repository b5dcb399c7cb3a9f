// SPDX-License-Identifier: Apache-2.0
// The balance of a recipe: every prompt is kept or has one reason.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "comm/communicator.h"
#include "io/synthetic_pair_file.h"
#include "selection/filters.h"
#include "synthesis/confidence_counts.h"

namespace westofn::synthesis {

struct RecipeBalance {
  std::array<std::int64_t, io::outcome_count> outcomes{};  ///< index: PairOutcome; they sum to the number of prompts
  std::int64_t pairs = 0;                                  ///< before the filters
  std::int64_t cycles = 0;           ///< prompts whose tournament one response won in both brackets
  std::int64_t human = 0;            ///< pairs
  std::int64_t mixture = 0;          ///< rows
  std::int64_t human_rows = 0;       ///< of the mixture
  ConfidenceCounts confidence;       ///< of the pairs before the filters
  ConfidenceCounts kept_confidence;  ///< of the kept pairs

  void count(PairOutcome outcome) { ++outcomes.at(static_cast<std::size_t>(outcome)); }
  [[nodiscard]] std::int64_t prompts() const;
  /// Collective. Adds up over all ranks what each has counted of its own prompts and pairs.
  void sum(comm::Communicator& comm);
  /// Throws an internal error if not every one of these prompts is kept or has one reason.
  void check(std::int64_t expected_prompts) const;
};

/// The balance, and where the filters cut (`cuts`: one a filter), as the JSON of balance.json.
[[nodiscard]] std::string to_json(const RecipeBalance& balance, std::span<const selection::Filter> filters,
                                  std::span<const selection::Cut> cuts);

/// The counts that go into the manifest.
[[nodiscard]] std::map<std::string, std::int64_t> manifest_counts(const RecipeBalance& balance);

}  // namespace westofn::synthesis
