// SPDX-License-Identifier: Apache-2.0
// The toy world as files: JSON lines as TRL reads them, and the settings that made them.
#pragma once

#include <string>
#include <vector>

#include "world/toy_world.h"

namespace westofn::world {

/// Makes a folder for a world. Throws ConfigError if it exists and is not empty, IoError if the system refuses. Local.
void make_new_folder(const std::string& folder);

/// The names of the files that write_toy_world makes.
[[nodiscard]] std::vector<std::string> toy_world_files(const ToyWorldSettings& settings);

/// Writes the parts that are not empty, each durable, and world.yaml last; files of the same name are replaced. The
/// same settings give the same bytes. Throws IoError if the system refuses. Local.
void write_toy_world(const ToyWorldSettings& settings, const std::string& folder);

}  // namespace westofn::world
