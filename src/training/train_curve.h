// SPDX-License-Identifier: Apache-2.0
// curve.h5 and curve.jsonl: the training curve as files.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "io/file.h"
#include "training/trainer.h"

namespace westofn::training {

/// The names of the files in a stage folder.
inline constexpr const char* curve_name = "curve.h5";
inline constexpr const char* curve_lines_name = "curve.jsonl";

/// Local. Publishes the curve. Throws IoError.
io::FileInfo write_curve(const std::string& path, std::span<const CurvePoint> curve);

/// The same as text: one JSON object a line, every one with all keys, null where curve.h5 has NaN.
[[nodiscard]] std::string curve_lines(std::span<const CurvePoint> curve);

/// Local. Reads curve.h5 back. Throws DataError if the file is missing or damaged.
[[nodiscard]] std::vector<CurvePoint> read_curve(const std::string& path);

}  // namespace westofn::training
