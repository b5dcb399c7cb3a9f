// SPDX-License-Identifier: Apache-2.0
// The scale of a reward model's scores, by which models are made comparable.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "model/reward_model.h"
#include "scoring/inputs.h"
#include "scoring/scores.h"

namespace westofn::training {

/// Mean and standard deviation (n - 1 below) of scores; a deviation of 1 where there is none to speak of. There is at
/// least one score.
[[nodiscard]] model::ScoreScale scale_of(std::span<const double> scores);

/// A scale and the rows it comes from.
struct MeasuredScale {
  model::ScoreScale scale;
  std::int64_t used = 0;
  std::int64_t too_long = 0;
};

/// Local. From the raw scores of sample 0 of each validation prompt of a finished stage `pools`. Throws DataError if
/// there is none or if a score is not finite.
[[nodiscard]] MeasuredScale measure_scale(const model::RewardModel& model, const scoring::PointwiseFormat& format,
                                          const std::string& pools_folder, const scoring::ScoringRun& run);

}  // namespace westofn::training
