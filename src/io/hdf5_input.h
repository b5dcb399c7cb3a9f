// SPDX-License-Identifier: Apache-2.0
// Inside src/io only: an HDF5 file that is read, with the checks that stand before every use of it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "io/file.h"
#include "io/hdf5.h"
#include "io/hdf5_handle.h"
#include "util/text.h"

namespace westofn::io::detail {

/// A file in mapped memory, opened by HDF5. Every function throws DataError that names the file.
class Hdf5Input {
 public:
  /// Checks the content by the manifest's entry or by the file's own checksum, then opens it.
  Hdf5Input(const std::string& path, const std::optional<FileInfo>& expected);

  [[noreturn]] void refuse(const std::string& problem) const;

  /// The result of an HDF5 call on `what`; refuses the file if it failed.
  template <class Result>
  Result check(Result result, const std::string& what) const {
    if (result < 0) refuse("cannot read " + printable(what) + " (HDF5: " + take_error_stack() + ")");
    return result;
  }

  /// Opens a dataset or group that stands in this file: links are not followed, they may lead to other files.
  [[nodiscard]] Handle open_object(const std::string& path) const;

  [[nodiscard]] DatasetInfo describe(const std::string& path) const;

  /// The extent is a claim: it must agree with what is stored before memory is taken for it.
  void check_layout(hid_t dataset, const DatasetInfo& info) const;

  [[nodiscard]] Attribute read_attribute(hid_t object, const std::string& name) const;

  [[nodiscard]] const std::string& path() const { return map_.path(); }
  [[nodiscard]] hid_t id() const { return handle_.id(); }

 private:
  void check_content(const std::optional<FileInfo>& expected) const;
  void open();
  void check_chunks(hid_t dataset, hid_t properties, const DatasetInfo& info) const;
  [[nodiscard]] std::string note(hid_t dataset, const char* name) const;
  [[nodiscard]] std::string read_string(hid_t attribute, hid_t type, const std::string& name) const;

  std::unique_lock<std::recursive_mutex> library_ = lock_library();
  MappedFile map_;
  Handle handle_;
};

/// Number of elements of a shape, or the largest number if that is too large.
[[nodiscard]] std::uint64_t element_count(const std::vector<std::uint64_t>& shape);

}  // namespace westofn::io::detail
