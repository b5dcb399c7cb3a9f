// SPDX-License-Identifier: Apache-2.0
// The rule `pointwise`: best and worst of a pool by the raw scores of a reward model.
#pragma once

#include <span>

#include "record/records.h"
#include "selection/bracket.h"

namespace westofn::selection {

/// P(a > b) of a reward model: sigmoid(score of a - score of b).
[[nodiscard]] double preference(double score_a, double score_b);

/// The pair of the highest and the lowest score, which are all finite; of equal scores the lower number counts as
/// better. Fewer than two contestants make none.
[[nodiscard]] Choice choose_by_score(std::span<const ScoredSample> contestants);

}  // namespace westofn::selection
