// SPDX-License-Identifier: Apache-2.0
// The result as fixed-width text for the terminal, at most 110 columns (130 with gold and a judge).
#pragma once

#include <string>

#include "evaluation/assess.h"

namespace westofn::evaluation {

/// Percent with one digit: "77.4 [75.5, 79.2]"; "-" where there is nothing.
[[nodiscard]] std::string percent(const metrics::Estimate& estimate);

/// "+0.2 [-1.1, +1.5]", in percentage points.
[[nodiscard]] std::string points(const metrics::Estimate& difference);

/// One line a scorer; the differences with a verdict each, in numbers and in a sentence; how far scores follow length;
/// the labels of the recipes.
[[nodiscard]] std::string make_table(const Assessment& found, const TestSet& test,
                                     const std::vector<RecipePairs>& recipes, double level);

}  // namespace westofn::evaluation
