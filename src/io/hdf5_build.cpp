// SPDX-License-Identifier: Apache-2.0
#include "io/hdf5_build.h"

#include <cstdint>
#include <vector>

namespace westofn::io::detail {
namespace {

Handle string_type(std::size_t size) {
  Handle type(check(H5Tcopy(H5T_C_S1), "string type"), H5Tclose);
  check(H5Tset_size(type.id(), size), "string size");
  check(H5Tset_cset(type.id(), H5T_CSET_UTF8), "string encoding");
  check(H5Tset_strpad(type.id(), H5T_STR_NULLPAD), "string padding");
  return type;
}

/// Writes each kind of attribute.
struct AttributeWriter {
  hid_t object;
  const std::string& name;

  void operator()(const std::string& value) const {
    WESTOFN_CHECK(value.find('\0') == std::string::npos, "NUL in attribute " + name);
    const std::string stored = value.empty() ? std::string(1, '\0') : value;
    write(string_type(stored.size()).id(), scalar(), stored.data());
  }
  void operator()(std::int64_t value) const { write(H5T_NATIVE_INT64, scalar(), &value); }
  void operator()(double value) const { write(H5T_NATIVE_DOUBLE, scalar(), &value); }
  void operator()(const std::vector<std::int64_t>& values) const {
    const hsize_t count = values.size();
    write(H5T_NATIVE_INT64, {check(H5Screate_simple(1, &count, nullptr), name), H5Sclose}, values.data());
  }

  [[nodiscard]] Handle scalar() const { return {check(H5Screate(H5S_SCALAR), name), H5Sclose}; }

  void write(hid_t type, const Handle& space, const void* value) const {
    const Handle attribute(check(H5Acreate2(object, name.c_str(), type, space.id(), H5P_DEFAULT, H5P_DEFAULT), name),
                           H5Aclose);
    check(H5Awrite(attribute.id(), type, value), name);
  }
};

}  // namespace

Handle timeless(hid_t property_class) {
  Handle properties(check(H5Pcreate(property_class), "properties"), H5Pclose);
  check(H5Pset_obj_track_times(properties.id(), false), "object times");
  return properties;
}

void set_format(hid_t file_access) {
  check(H5Pset_libver_bounds(file_access, H5F_LIBVER_V18, H5F_LIBVER_V18), "format version");
}

void make_groups(hid_t file, const std::string& path) {
  for (auto end = path.find('/', 1); end != std::string::npos; end = path.find('/', end + 1)) {
    const std::string name = path.substr(0, end);
    if (check(H5Lexists(file, name.c_str(), H5P_DEFAULT), name) > 0) continue;
    const Handle properties = timeless(H5P_GROUP_CREATE);
    const Handle group(check(H5Gcreate2(file, name.c_str(), H5P_DEFAULT, properties.id(), H5P_DEFAULT), name),
                       H5Gclose);
  }
}

void write_attribute(hid_t object, const std::string& name, const Attribute& value) {
  std::visit(AttributeWriter{object, name}, value);
}

void write_note(hid_t dataset, const FieldNote& note) {
  write_attribute(dataset, "description", note.description);
  write_attribute(dataset, "units", note.units);
}

}  // namespace westofn::io::detail
