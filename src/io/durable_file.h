// SPDX-License-Identifier: Apache-2.0
// Files that appear whole or not at all, also when the machine dies.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "io/file.h"
#include "util/hash.h"

namespace westofn::io {

/// Writes `.NAME.tmp-PID` beside the final file, which appears (or is replaced) with commit().
/// Local. Every function throws IoError when the system refuses. Fault points: io.write, io.fsync, io.rename,
/// io.fsync_folder.
class DurableFile {
 public:
  /// The folder must exist.
  explicit DurableFile(const std::string& path);
  /// Without commit() the temporary file is removed and the old file, if any, stays as it was.
  ~DurableFile();
  DurableFile(const DurableFile&) = delete;
  DurableFile& operator=(const DurableFile&) = delete;

  /// Appends bytes; they are buffered and hashed on the way.
  void append(std::string_view bytes);
  void append(std::span<const std::byte> bytes);

  /// Bytes appended so far.
  [[nodiscard]] std::uint64_t size() const { return bytes_; }

  /// Publishes the file: flush, fsync, rename, fsync of the folder. Called once, last.
  FileInfo commit();

 private:
  void flush();

  std::string path_;
  std::string temporary_;
  std::optional<FileHandle> file_;
  std::string buffer_;
  StreamingHash hash_;
  std::uint64_t bytes_ = 0;
};

/// Publishes a file with this content.
FileInfo write_durable(const std::string& path, std::string_view bytes);

/// The name of the temporary file for `path` in this process: `.NAME.tmp-PID` in the same folder.
[[nodiscard]] std::string temporary_name(const std::string& path);

/// Publishes a temporary file that is complete but for `ending`: append, fsync, rename, fsync of the folder.
void publish_temporary(const std::string& temporary, const std::string& path, std::string_view ending);

/// Makes a folder and the missing ones above it durable; an existing folder is fine. Several ranks may call it at
/// once. Throws IoError, also if something else has the name.
void make_folder_durable(const std::string& path);

/// Removes the temporary files that killed jobs left in a folder and the folders below it; returns how many.
/// The caller holds the lock of everything that is written there.
int remove_temporaries(const std::string& folder);

/// The same for one file, whose writers all hold one lock.
int remove_temporaries_of(const std::string& path);

}  // namespace westofn::io
