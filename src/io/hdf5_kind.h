// SPDX-License-Identifier: Apache-2.0
// What a file of ours says it is: the attributes `filetype` and `version` of its root.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "io/hdf5.h"

namespace westofn::io {

/// Sets both attributes; `filetype` is "westofn/pool" and the like. The minor version is raised when something is added
/// that older programs may pass over.
void write_kind(Hdf5Writer& out, const std::string& filetype, std::int64_t minor = 0);

/// Throws DataError that names the file unless it is of this type and of a version that this program reads (any minor
/// one).
void check_kind(const Hdf5Reader& in, std::string_view filetype);

}  // namespace westofn::io
