// SPDX-License-Identifier: Apache-2.0
// What a recipe says to the user at its end.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "selection/filters.h"
#include "selection/rules.h"
#include "synthesis/recipe_balance.h"

namespace westofn::synthesis {

/// The balance of all ranks, and what made it. The report only looks at it.
struct RecipeReport {
  const RecipeBalance& balance;
  std::span<const selection::Filter> filters;
  std::span<const selection::Cut> cuts;  ///< one a filter
  selection::Rule rule = selection::Rule::tournament;

  /// What became of every prompt, where the filters cut, the confidences of all pairs and of the kept ones, and how
  /// often the mixture uses each source. Begins with a headline.
  [[nodiscard]] std::string text() const;
  /// What looks wrong, and what to do about it; each begins in the middle of a line.
  [[nodiscard]] std::vector<std::string> warnings() const;
};

}  // namespace westofn::synthesis
