// SPDX-License-Identifier: Apache-2.0
// `westofn inspect PATH`: what a file or folder is, what is in it, and whether it is complete.
#pragma once

#include <string>

namespace westofn::app {

/// A readable description of any file or folder that the program reads or writes. Local.
/// Throws DataError if there is nothing at the path, if it is damaged, or of a kind that is not known.
[[nodiscard]] std::string inspect(const std::string& path);

}  // namespace westofn::app
