// SPDX-License-Identifier: Apache-2.0
// Makes the bytes of safetensors files by hand, also wrong ones.
#pragma once

#include <cstdint>
#include <string>

namespace westofn::testing {

/// The bytes of a number in the order in which a safetensors file has them.
inline std::string little_endian(std::uint64_t value) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xFFU);
  return bytes;
}

/// A file with this header and so many bytes of data (0, 1, 2, ...).
inline std::string safetensors_bytes(const std::string& header, std::size_t data_size) {
  std::string file = little_endian(header.size()) + header;
  for (std::size_t i = 0; i < data_size; ++i) file += static_cast<char>(i);
  return file;
}

}  // namespace westofn::testing
