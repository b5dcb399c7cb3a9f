// SPDX-License-Identifier: Apache-2.0
// The system calls on files, each checked: all of the program's file access goes through here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "util/hash.h"

namespace westofn::io {

/// A finished file as manifests list it.
struct FileInfo {
  std::string name;  ///< relative to the folder of the manifest
  std::uint64_t bytes = 0;
  Hash128 hash;
  bool operator==(const FileInfo&) const = default;
};

/// What the file system knows about a file.
struct FileStatus {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t links = 0;
  std::uint64_t bytes = 0;
  std::int64_t modified_ns = 0;  ///< by the clock of the file server
  bool is_regular = false;
  bool is_folder = false;
};

/// Throws IoError "PATH: cannot ACTION: reason", with what to do for a full disk, a quota or a size limit.
[[noreturn]] void throw_system_error(std::string_view action, const std::string& path, int error_number);

/// An open file; every operation throws IoError when the system refuses.
class FileHandle {
 public:
  /// Opens a regular file for reading; throws DataError if there is none at this path.
  static FileHandle open_to_read(const std::string& path);
  /// Likewise, but nothing if there is no file.
  static std::optional<FileHandle> open_if_exists(const std::string& path);
  /// Creates a file that must not exist yet, for writing; permissions 0666 less the umask.
  static FileHandle create_new(const std::string& path);
  /// Opens an existing file for writing at its end.
  static FileHandle open_to_append(const std::string& path);

  ~FileHandle();
  FileHandle(FileHandle&& other) noexcept;
  FileHandle& operator=(FileHandle&& other) noexcept;

  /// Reads up to `buffer.size()` bytes; 0 at the end of the file.
  std::size_t read(std::span<char> buffer);
  /// Writes all bytes.
  void write(std::string_view bytes);
  /// Flushes to the disk. After a failure the data may be lost: do not try again, write the file anew.
  void sync();
  void close();

  [[nodiscard]] FileStatus status() const;
  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  FileHandle(int descriptor, std::string path);

  int descriptor_ = -1;
  std::string path_;
};

/// A whole file as read-only memory; the file must not be changed meanwhile. Empty files have empty spans.
class MappedFile {
 public:
  /// Throws DataError if there is no regular file at this path, IoError if the system refuses.
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  [[nodiscard]] std::span<const std::byte> bytes() const { return {data_, size_}; }
  [[nodiscard]] std::string_view text() const { return {reinterpret_cast<const char*>(data_), size_}; }
  [[nodiscard]] const std::string& path() const { return path_; }
  /// Gives the memory of what has been read back to the system; reading again takes it from the file.
  void release_pages() const;

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::string path_;
};

/// The content of a small file; throws DataError if it is missing or larger than `cap` bytes.
[[nodiscard]] std::string read_file(const std::string& path, std::uint64_t cap);

/// Size and hash of an existing file under the name that a manifest shall give it; throws DataError if it is missing.
/// `beat`, if given, is called for every piece that is read.
[[nodiscard]] FileInfo describe_file(const std::string& path, std::string name, const std::function<void()>& beat = {});

/// Follows links; nothing if there is no such path.
[[nodiscard]] std::optional<FileStatus> file_status(const std::string& path);

/// The folder that holds `path`; "." for a plain name.
[[nodiscard]] std::string parent_folder(const std::string& path);

/// Atomically gives the file a new name; an existing file of that name is replaced.
void rename_file(const std::string& from, const std::string& to);
/// Gives the file a second name; false if that name is taken.
[[nodiscard]] bool link_file(const std::string& from, const std::string& to);
/// Removes a file; a missing one is fine.
void remove_file(const std::string& path);
/// Removes what can be removed and reports nothing: for destructors.
void remove_file_quietly(const std::string& path) noexcept;
/// Sets the modification time to now, by the clock of the file server; false if there is no file.
[[nodiscard]] bool touch_file(const std::string& path);
/// Makes one folder; false if the path exists.
[[nodiscard]] bool make_folder(const std::string& path);
/// Makes new and renamed entries of a folder durable.
void sync_folder(const std::string& path);

}  // namespace westofn::io
