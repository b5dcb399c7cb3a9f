// SPDX-License-Identifier: Apache-2.0
// Validation shared out over the ranks, and which of two validated models is kept.
#pragma once

#include "app/stage.h"
#include "training/task.h"
#include "training/trainer.h"

namespace westofn::training {

/// Collective. All portions of a task, added in their order whatever rank computed them.
[[nodiscard]] Task::Validation validate_all(app::StageRun& stage, Task& task);

/// Whether a later model is kept instead of the best one so far: always if that is the untrained one (step 0), and if
/// both are equal. A model without a number (NaN) never replaces one that has it.
[[nodiscard]] bool is_better(Task::Selection selection, const CurvePoint& later, const CurvePoint& best);

}  // namespace westofn::training
