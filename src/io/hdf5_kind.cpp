// SPDX-License-Identifier: Apache-2.0
#include "io/hdf5_kind.h"

#include <cstdint>
#include <vector>

namespace westofn::io {
namespace {

const std::vector<std::int64_t> format_version = {1, 0};

}  // namespace

void write_kind(Hdf5Writer& out, const std::string& filetype) {
  out.attribute("/", "filetype", filetype);
  out.attribute("/", "version", format_version);
}

void check_kind(const Hdf5Reader& in, std::string_view filetype) {
  const auto found = in.attribute_as<std::string>("/", "filetype");
  if (found != filetype) in.refuse("holds '" + found + "', expected '" + std::string(filetype) + "'; check the path");
  const auto version = in.attribute_as<std::vector<std::int64_t>>("/", "version");
  if (version.size() != 2 || version[0] != format_version[0]) {
    in.refuse("is of another version than " + std::to_string(format_version[0]) +
              ".x, which this program reads; read it with the program that wrote it");
  }
}

}  // namespace westofn::io
