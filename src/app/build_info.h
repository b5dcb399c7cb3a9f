// SPDX-License-Identifier: Apache-2.0
// What this program was built from.
#pragma once

#include <string>

namespace westofn::app {

/// "0.1.0".
[[nodiscard]] std::string program_version();

/// Compiler, build type and the versions of the libraries, one a line.
[[nodiscard]] std::string build_description();

}  // namespace westofn::app
