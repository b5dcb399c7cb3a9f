// SPDX-License-Identifier: Apache-2.0
// Normal numbers for new weights: the same on every device and for any number of threads.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "util/philox.h"

namespace westofn::model {

/// Local. Float32 on the CPU, N(0, deviation^2): numbers 2i and 2i+1 come by Box-Muller in float64 from the uniforms
/// (0, i) and (1, i) of the stream.
[[nodiscard]] at::Tensor normal_tensor(const Philox& stream, const std::vector<std::int64_t>& shape, double deviation);

}  // namespace westofn::model
