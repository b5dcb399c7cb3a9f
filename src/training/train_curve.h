// SPDX-License-Identifier: Apache-2.0
// curve.h5: the training curve as a file.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "io/file.h"
#include "training/trainer.h"

namespace westofn::training {

/// The name of the file in a stage folder.
inline constexpr const char* curve_name = "curve.h5";

/// Local. Publishes the curve. Throws IoError.
io::FileInfo write_curve(const std::string& path, std::span<const CurvePoint> curve);

/// Local. Reads it back. Throws DataError if the file is missing or damaged.
[[nodiscard]] std::vector<CurvePoint> read_curve(const std::string& path);

}  // namespace westofn::training
