// SPDX-License-Identifier: Apache-2.0
#include "model/normal.h"

#include <ATen/ops/empty.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "util/error.h"

namespace westofn::model {

at::Tensor normal_tensor(const Philox& stream, const std::vector<std::int64_t>& shape, double deviation) {
  const at::Tensor tensor = at::empty(shape, at::kFloat);
  const std::int64_t count = tensor.numel();
  WESTOFN_CHECK(count / 2 <= std::numeric_limits<std::uint32_t>::max(), "the stream has a number for every weight");
  auto* values = tensor.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < count; i += 2) {
    const auto position = static_cast<std::uint32_t>(i / 2);
    const double radius = deviation * std::sqrt(-2 * std::log1p(-stream.uniform(0, position)));
    const double angle = 2 * std::numbers::pi * stream.uniform(1, position);
    values[i] = static_cast<float>(radius * std::cos(angle));
    if (i + 1 < count) values[i + 1] = static_cast<float>(radius * std::sin(angle));
  }
  return tensor;
}

}  // namespace westofn::model
