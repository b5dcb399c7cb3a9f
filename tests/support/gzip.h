// SPDX-License-Identifier: Apache-2.0
// Compresses a text into a gzip file image, for tests of readers.
#pragma once

#include <zlib.h>

#include <stdexcept>
#include <string>

namespace westofn::testing {

/// One gzip member.
inline std::string gzip(const std::string& text) {
  z_stream zlib{};
  if (deflateInit2(&zlib, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::runtime_error("cannot start zlib");
  }
  std::string input = text;
  std::string out(deflateBound(&zlib, static_cast<uLong>(text.size())) + 64, '\0');
  zlib.next_in = reinterpret_cast<Bytef*>(input.data());
  zlib.avail_in = static_cast<uInt>(input.size());
  zlib.next_out = reinterpret_cast<Bytef*>(out.data());
  zlib.avail_out = static_cast<uInt>(out.size());
  const int result = deflate(&zlib, Z_FINISH);
  out.resize(out.size() - zlib.avail_out);
  deflateEnd(&zlib);
  if (result != Z_STREAM_END) throw std::runtime_error("cannot compress");
  return out;
}

}  // namespace westofn::testing
