// SPDX-License-Identifier: Apache-2.0
// The bytes of an input file from start to end, decompressed if it is a gzip file.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace westofn::io {

/// Reads a file in chunks; gzip (also of several members) is recognised by its first bytes, not by its name.
class InputStream {
 public:
  /// Throws DataError if the path is missing, a folder or unreadable.
  explicit InputStream(const std::string& path);
  ~InputStream();
  InputStream(InputStream&&) noexcept;
  InputStream& operator=(InputStream&&) noexcept;

  /// The next bytes, valid until the next call; empty at the end only. Throws DataError if compressed data are damaged
  /// or cut off, IoError if reading fails.
  [[nodiscard]] std::string_view next_chunk();

  [[nodiscard]] const std::string& path() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace westofn::io
