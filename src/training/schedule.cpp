// SPDX-License-Identifier: Apache-2.0
#include "training/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace westofn::training {
namespace {

/// The time scale of the inverse square root without a warm-up.
constexpr double default_time_scale = 10'000;

double factor_after_warmup(const TrainSettings& settings, double step, double warmup) {
  const double left = static_cast<double>(settings.steps) - step;
  const double decaying = std::max(1.0, static_cast<double>(settings.steps) - warmup);
  switch (settings.schedule) {
    case ScheduleKind::constant: break;
    case ScheduleKind::linear: return std::max(0.0, left / decaying);
    case ScheduleKind::inverse_square_root: {
      const double time_scale = warmup > 0 ? warmup : default_time_scale;
      return 1 / std::sqrt((step - warmup + time_scale) / time_scale);
    }
    case ScheduleKind::cosine:
      return std::max(0.0, (1 + std::cos(std::numbers::pi * ((step - warmup) / decaying))) / 2);
  }
  return 1;
}

}  // namespace

double learning_rate(const TrainSettings& settings, std::int64_t step) {
  const auto now = static_cast<double>(step);
  const auto warmup = static_cast<double>(settings.warmup_steps);
  return settings.learning_rate * (now < warmup ? now / warmup : factor_after_warmup(settings, now, warmup));
}

}  // namespace westofn::training
