// SPDX-License-Identifier: Apache-2.0
// The learning rate of each step.
#pragma once

#include <cstdint>

#include "training/settings.h"

namespace westofn::training {

/// The learning rate of step t, which counts from 0, with w warm-up steps of n steps: `learning_rate` times t / w while
/// t < w (so that step 0 has rate 0), then times
///   constant              1
///   linear                (n - t) / max(1, n - w)
///   inverse_square_root   sqrt(T / (t - w + T)) with T = w, or 10,000 without warm-up
///   cosine                (1 + cos(pi (t - w) / max(1, n - w))) / 2
/// At every step the same as transformers' get_{constant,linear,inverse_sqrt,cosine}_schedule(_with_warmup).
[[nodiscard]] double learning_rate(const TrainSettings& settings, std::int64_t step);

}  // namespace westofn::training
