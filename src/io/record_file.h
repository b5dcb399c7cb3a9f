// SPDX-License-Identifier: Apache-2.0
// The record files that stages exchange: one HDF5 file for a vector of records, one dataset a field.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/file.h"
#include "record/records.h"

namespace westofn::io {

/// Publish a file of records. Local. They throw IoError, and DataError if a text is not UTF-8.
FileInfo write_prompts(const std::string& path, std::span<const Prompt> prompts);
FileInfo write_demonstrations(const std::string& path, std::span<const Demonstration> demonstrations);
FileInfo write_pairs(const std::string& path, std::span<const HumanPair> pairs);

/// Read a file of records in its order, checked against a manifest's entry if one is given. Local. They throw
/// DataError that names the file if it is damaged, of another type or of a newer version.
[[nodiscard]] std::vector<Prompt> read_prompts(const std::string& path,
                                               const std::optional<FileInfo>& expected = std::nullopt);
[[nodiscard]] std::vector<Demonstration> read_demonstrations(const std::string& path,
                                                             const std::optional<FileInfo>& expected = std::nullopt);
[[nodiscard]] std::vector<HumanPair> read_pairs(const std::string& path,
                                                const std::optional<FileInfo>& expected = std::nullopt);

}  // namespace westofn::io
