// SPDX-License-Identifier: Apache-2.0
// Validation shared out over the ranks, and which of two validated models is kept.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "app/stage.h"
#include "training/pair_task.h"
#include "training/task.h"
#include "training/trainer.h"

namespace westofn::training {

/// Collective. All portions of a task, added in their order whatever rank computed them.
[[nodiscard]] Task::Validation validate_all(app::StageRun& stage, Task& task);

/// Whether a later model is kept instead of the best one so far: always if that is the untrained one (step 0), and if
/// both are equal. A model without a number (NaN) never replaces one that has it.
[[nodiscard]] bool is_better(Task::Selection selection, const CurvePoint& later, const CurvePoint& best);

/// How many validations at multiples of `validate_every`, the last one included, have come since the last one that was
/// better than all before it. One that is only as good is not better, nor is one without a number; the untrained model
/// is not compared with. 0 where the last one is the best.
[[nodiscard]] std::int64_t validations_without_gain(Task::Selection selection, std::span<const CurvePoint> curve,
                                                    std::int64_t validate_every);

/// Collective. What the model says about every validation pair, in their order.
[[nodiscard]] std::vector<PairScore> score_validation(app::StageRun& stage, const PairTask& task);

}  // namespace westofn::training
