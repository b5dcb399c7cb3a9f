// SPDX-License-Identifier: Apache-2.0
// What this program was built from.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace westofn::app {

/// "0.1.0".
[[nodiscard]] std::string program_version();

/// The program and the libraries that results depend on: names and versions.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> library_versions();

/// Compiler, build type and the versions of the libraries, one a line.
[[nodiscard]] std::string build_description();

}  // namespace westofn::app
