// SPDX-License-Identifier: Apache-2.0
// manifest.json: written last, it says that a stage folder is complete and what belongs to it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "io/file.h"

namespace westofn::io {

inline constexpr std::string_view manifest_name = "manifest.json";

/// Something that a stage read.
struct ManifestInput {
  std::string name;  ///< "prepare", or the name of an imported file without its folder
  std::string key;   ///< key of the stage, or hash of the file, in hexadecimal
  bool operator==(const ManifestInput&) const = default;
};

/// The same for any number of ranks and restarts: no clock, host, rank, path or job id.
struct Manifest {
  std::string stage;
  std::string key;                             ///< hash of the settings and inputs, in hexadecimal
  std::string build;                           ///< version of the program
  std::vector<FileInfo> files;                 ///< in order of their names
  std::vector<ManifestInput> inputs;           ///< in the order in which the stage names them
  std::string settings;                        ///< text of the settings that were read
  std::map<std::string, std::int64_t> counts;  ///< balance: rows in, rows out, rows dropped by reason
  bool operator==(const Manifest&) const = default;
};

/// The file's text, with a checksum of its own.
[[nodiscard]] std::string to_json(const Manifest& manifest);

/// The reverse; throws DataError that names `file` if a field is missing, unknown or wrong, if the version is newer,
/// or if the text was changed.
[[nodiscard]] Manifest parse_manifest(std::string_view json, const std::string& file);

/// Publishes FOLDER/manifest.json; all files that it lists are durable already. Local. Throws IoError.
FileInfo write_manifest(const std::string& folder, Manifest manifest);

/// True if the folder has a manifest, that is: its stage is complete.
[[nodiscard]] bool has_manifest(const std::string& folder);

/// Reads FOLDER/manifest.json; throws DataError if it is missing or damaged.
[[nodiscard]] Manifest read_manifest(const std::string& folder);

/// Reads all listed files and throws DataError that names the first one that is missing or differs. Local.
void verify_files(const std::string& folder, const Manifest& manifest);

/// The entry of a file; throws DataError if the manifest of this folder does not list it.
[[nodiscard]] const FileInfo& find_file(const Manifest& manifest, std::string_view name);

}  // namespace westofn::io
