// SPDX-License-Identifier: Apache-2.0
#include "training/schedule.h"

#include <algorithm>

namespace westofn::training {

double learning_rate(const TrainSettings& settings, std::int64_t step) {
  double rate = settings.learning_rate;
  if (step < settings.warmup_steps) {
    rate *= static_cast<double>(step + 1) / static_cast<double>(settings.warmup_steps);
  }
  if (settings.schedule == ScheduleKind::linear) {
    rate *= 1 - static_cast<double>(step) / static_cast<double>(settings.steps);
  }
  return rate;
}

}  // namespace westofn::training
