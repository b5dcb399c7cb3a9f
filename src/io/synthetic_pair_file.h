// SPDX-License-Identifier: Apache-2.0
// The files of synthetic pairs that a recipe leaves: one row a prompt, with every filter decision.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/file.h"
#include "record/records.h"

namespace westofn::io {

/// The name of an outcome: "kept", "one_response", ...
[[nodiscard]] std::string_view outcome_name(PairOutcome outcome);

/// The number of outcomes; they are 0 .. outcome_count - 1.
inline constexpr std::size_t outcome_count = static_cast<std::size_t>(PairOutcome::joint) + 1;

/// Publishes a file of pairs. Local. Throws IoError, and DataError if a text is not UTF-8.
FileInfo write_synthetic_pairs(const std::string& path, std::span<const SyntheticPair> pairs);

/// Reads all rows, kept or not, in their order; checked against a manifest's entry if one is given. Local. Throws
/// DataError that names the file if it is damaged, of another type or of a newer version.
[[nodiscard]] std::vector<SyntheticPair> read_synthetic_pairs(const std::string& path,
                                                              const std::optional<FileInfo>& expected = std::nullopt);

/// The kept pairs of a complete recipe folder, in the order of its files: row i of the mixture's synthetic rows is
/// pair i of this list. Local. Throws as read_synthetic_pairs, and if the manifest is missing.
[[nodiscard]] std::vector<SyntheticPair> read_kept_pairs(const std::string& recipe_folder);

}  // namespace westofn::io
