// SPDX-License-Identifier: Apache-2.0
// The learning rate of each step.
#pragma once

#include <cstdint>

#include "training/settings.h"

namespace westofn::training {

/// The learning rate of a step, which counts from 0: linear warm-up, then constant or linear decay to 0.
[[nodiscard]] double learning_rate(const TrainSettings& settings, std::int64_t step);

}  // namespace westofn::training
