// SPDX-License-Identifier: Apache-2.0
// Text files that several jobs add lines to.
#pragma once

#include <string>
#include <string_view>

namespace westofn::io {

/// Adds a line to a text file by one write, so that several processes may do so at the same time (over NFS those of one
/// machine only); makes the file if it is missing, and ends a line that a killed process has left without its end.
/// Throws IoError.
void append_line(const std::string& path, std::string_view line);

}  // namespace westofn::io
