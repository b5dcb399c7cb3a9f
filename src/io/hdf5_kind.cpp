// SPDX-License-Identifier: Apache-2.0
#include "io/hdf5_kind.h"

#include <cstdint>
#include <vector>

namespace westofn::io {
namespace {

constexpr std::int64_t major_version = 1;

}  // namespace

void write_kind(Hdf5Writer& out, const std::string& filetype, std::int64_t minor) {
  out.attribute("/", "filetype", filetype);
  out.attribute("/", "version", std::vector<std::int64_t>{major_version, minor});
}

void check_kind(const Hdf5Reader& in, std::string_view filetype) {
  const auto found = in.attribute_as<std::string>("/", "filetype");
  if (found != filetype) in.refuse("holds '" + found + "', expected '" + std::string(filetype) + "'; check the path");
  const auto version = in.attribute_as<std::vector<std::int64_t>>("/", "version");
  if (version.size() != 2 || version[0] != major_version) {
    in.refuse("is of another version than " + std::to_string(major_version) +
              ".x, which this program reads; read it with the program that wrote it");
  }
}

}  // namespace westofn::io
