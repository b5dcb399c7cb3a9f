// SPDX-License-Identifier: Apache-2.0
#include "io/durable_file.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "util/error.h"
#include "util/fault.h"
#include "util/text.h"

namespace westofn::io {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t buffer_bytes = std::size_t{1} << 20;
constexpr std::string_view temporary_mark = ".tmp-";

bool is_temporary_name(std::string_view name) {
  const auto mark = name.rfind(temporary_mark);
  if (!name.starts_with('.') || mark == std::string_view::npos || mark == 0) return false;
  const auto digits = name.substr(mark + temporary_mark.size());
  return !digits.empty() && std::ranges::all_of(digits, [](unsigned char c) { return std::isdigit(c) != 0; });
}

/// The last steps of every publication: the bytes are safe before the name is, and the name before anyone goes on.
void sync_and_rename(FileHandle& file, const std::string& temporary, const std::string& path) {
  fault_point("io.fsync");
  file.sync();
  file.close();
  fault_point("io.rename");
  rename_file(temporary, path);
}

}  // namespace

std::string temporary_name(const std::string& path) {
  const fs::path final(path);
  return (final.parent_path() /
          ("." + final.filename().string() + std::string(temporary_mark) + std::to_string(getpid())))
      .string();
}

DurableFile::DurableFile(const std::string& path) : path_(path), temporary_(temporary_name(path)) {
  WESTOFN_CHECK(fs::path(path).has_filename(), "a file needs a name: " + path);
  remove_file(temporary_);  // of a killed process that had our number
  file_ = FileHandle::create_new(temporary_);
  buffer_.reserve(buffer_bytes);
}

DurableFile::~DurableFile() {
  if (!temporary_.empty()) remove_file_quietly(temporary_);
}

void DurableFile::append(std::string_view bytes) {
  WESTOFN_CHECK(file_.has_value(), "append to a committed file: " + path_);
  hash_.update(bytes);
  bytes_ += bytes.size();
  if (buffer_.size() + bytes.size() > buffer_bytes) flush();
  if (bytes.size() >= buffer_bytes) {
    fault_point("io.write");
    file_->write(bytes);
  } else {
    buffer_.append(bytes);
  }
}

void DurableFile::append(std::span<const std::byte> bytes) {
  append(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

void DurableFile::flush() {
  if (buffer_.empty()) return;
  fault_point("io.write");
  file_->write(buffer_);
  buffer_.clear();
}

FileInfo DurableFile::commit() {
  WESTOFN_CHECK(file_.has_value(), "second commit of " + path_);
  flush();
  sync_and_rename(*file_, temporary_, path_);
  file_.reset();
  temporary_.clear();
  fault_point("io.fsync_folder");
  sync_folder(parent_folder(path_));
  return {fs::path(path_).filename().string(), bytes_, hash_.value()};
}

void publish_temporary(const std::string& temporary, const std::string& path, std::string_view ending) {
  auto file = FileHandle::open_to_append(temporary);
  fault_point("io.write");
  file.write(ending);
  sync_and_rename(file, temporary, path);
  fault_point("io.fsync_folder");
  sync_folder(parent_folder(path));
}

FileInfo write_durable(const std::string& path, std::string_view bytes) {
  DurableFile file(path);
  file.append(bytes);
  return file.commit();
}

void make_folder_durable(const std::string& path) {
  const fs::path folder = fs::path(path).has_filename() ? fs::path(path) : fs::path(path).parent_path();
  const std::string name = folder.string();
  if (const auto status = file_status(name)) {
    if (!status->is_folder)
      throw IoError(printable(name, 1000) + ": is not a folder; remove it or choose another name");
    return;
  }
  make_folder_durable(parent_folder(name));
  if (make_folder(name)) sync_folder(parent_folder(name));
}

int remove_temporaries(const std::string& folder) {
  int removed = 0;
  std::error_code error;
  auto entry = fs::recursive_directory_iterator(folder, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    if (!is_temporary_name(entry->path().filename().string()) || !entry->is_regular_file(error)) continue;
    remove_file(entry->path().string());
    ++removed;
  }
  if (error) throw_system_error("list the folder", folder, error.value());
  return removed;
}

int remove_temporaries_of(const std::string& path) {
  const std::string prefix = "." + fs::path(path).filename().string() + ".tmp-";
  int removed = 0;
  std::error_code error;
  auto entry = fs::directory_iterator(parent_folder(path), error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    if (!entry->path().filename().string().starts_with(prefix)) continue;
    remove_file(entry->path().string());
    ++removed;
  }
  if (error) throw_system_error("list the folder", parent_folder(path), error.value());
  return removed;
}

}  // namespace westofn::io
