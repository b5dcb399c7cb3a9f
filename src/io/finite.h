// SPDX-License-Identifier: Apache-2.0
// Finds numbers of a tensor that are not finite, in the bytes as they lie in a file.
#pragma once

#include <cstddef>
#include <optional>

#include "io/safetensors.h"

namespace westofn::io {

/// The place in C order of the first number that float32 cannot hold as a finite one (NaN, infinity, float64 beyond
/// its range), or nothing. Integers are finite.
[[nodiscard]] std::optional<std::size_t> find_non_finite(const TensorView& tensor);

}  // namespace westofn::io
