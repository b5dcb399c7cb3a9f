// SPDX-License-Identifier: Apache-2.0
// Inside src/io only: owned HDF5 handles and checked HDF5 calls.
#pragma once

#include <hdf5.h>

#include <array>
#include <mutex>
#include <string>
#include <utility>

#include "io/hdf5.h"

namespace westofn::io::detail {

/// Owns an HDF5 handle.
class Handle {
 public:
  using Closer = herr_t (*)(hid_t);

  Handle() = default;
  Handle(hid_t id, Closer closer) : id_(id), closer_(closer) {}
  ~Handle() { static_cast<void>(close()); }
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), closer_(other.closer_) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(closer_, other.closer_);
    return *this;
  }

  [[nodiscard]] hid_t id() const { return id_; }
  /// Closes early; negative if that fails, which for a file in memory that is only read loses nothing.
  herr_t close() { return id_ < 0 ? 0 : closer_(std::exchange(id_, -1)); }
  /// Forgets the handle without closing it.
  void abandon() { id_ = -1; }

 private:
  hid_t id_ = -1;
  Closer closer_ = nullptr;
};

/// The library is not made for threads: whoever has a file open keeps the others out of it. The thread that holds it
/// may take it again.
[[nodiscard]] std::unique_lock<std::recursive_mutex> lock_library();

/// Prepares the library: no error printing of its own, no plug-ins from outside. Cheap when repeated.
void start_hdf5();

/// A name for a file in memory. HDF5 tells such files apart by name, and wants it to be free in the file system.
[[nodiscard]] std::string memory_file_name();

/// The library's error stack as one line of text; clears it.
[[nodiscard]] std::string take_error_stack();

/// Type in the file: little endian.
[[nodiscard]] hid_t file_type(ElementType type);
/// Type in memory.
[[nodiscard]] hid_t memory_type(ElementType type);
[[nodiscard]] std::uint64_t element_bytes(ElementType type);

/// What stands at the end of our files: 8 bytes of magic and the XXH3-128 of all before it, high half first.
inline constexpr std::size_t trailer_bytes = 24;
[[nodiscard]] std::string make_trailer(std::string_view image);

}  // namespace westofn::io::detail
