// SPDX-License-Identifier: Apache-2.0
// Whether all ranks still have the same weights: a bad memory cell or a bad link shows nowhere else.
#pragma once

#include <cstdint>
#include <span>

#include "app/stage.h"
#include "training/gradient_sum.h"

namespace westofn::training {

/// Collective. Throws CommError that names the ranks whose weights differ from those of most ranks (of the lowest rank
/// where two halves differ), and the first such weight.
void check_weights(app::StageRun& stage, std::span<const TrainedWeight> weights, std::int64_t step);

}  // namespace westofn::training
