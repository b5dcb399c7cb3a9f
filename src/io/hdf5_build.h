// SPDX-License-Identifier: Apache-2.0
// Inside src/io only: what all writers of HDF5 files share.
#pragma once

#include <string>

#include "io/hdf5.h"
#include "io/hdf5_handle.h"
#include "util/error.h"

namespace westofn::io::detail {

/// The result of an HDF5 call; throws IoError if it failed.
template <class Result>
Result check(Result result, const std::string& action) {
  if (result < 0) throw IoError("cannot build an HDF5 file: " + action + ": " + take_error_stack());
  return result;
}

/// Properties of a new object without times: the bytes of a file depend on its content only.
[[nodiscard]] Handle timeless(hid_t property_class);

/// The format of HDF5 1.8: everything reads it, and unlike the older one it has checksums in its metadata.
void set_format(hid_t file_access);

/// Makes the groups above `path`. (HDF5 would make them itself, but with times.)
void make_groups(hid_t file, const std::string& path);

/// Sets a new attribute of an open object.
void write_attribute(hid_t object, const std::string& name, const Attribute& value);

/// What every dataset says about itself.
void write_note(hid_t dataset, const FieldNote& note);

}  // namespace westofn::io::detail
