// SPDX-License-Identifier: Apache-2.0
#include "io/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "util/error.h"
#include "util/text.h"

namespace westofn::io {
namespace {

const char* advice(int error_number) {
  switch (error_number) {
    case ENOSPC: return " (the disk is full: free some space, or choose another folder)";
    case EDQUOT: return " (your quota on this file system is used up: delete files, or choose another folder)";
    case EFBIG: return " (the limit on the size of a file is reached: see ulimit -f)";
    case EROFS:
    case EACCES:
    case EPERM: return " (check the permissions, or choose another folder)";
    default: return "";
  }
}

/// True for the errors that mean "nothing of this name" (with ESTALE: any more, over NFS): not the storage's fault.
bool means_missing(int error_number) {
  return error_number == ESTALE || error_number == ENOENT || error_number == ENOTDIR || error_number == ELOOP ||
         error_number == ENAMETOOLONG;
}

FileStatus to_status(const struct stat& s) {
  FileStatus status;
  status.device = s.st_dev;
  status.inode = s.st_ino;
  status.links = s.st_nlink;
  status.bytes = static_cast<std::uint64_t>(s.st_size);
  status.modified_ns = static_cast<std::int64_t>(s.st_mtim.tv_sec) * 1'000'000'000 + s.st_mtim.tv_nsec;
  status.is_regular = S_ISREG(s.st_mode);
  status.is_folder = S_ISDIR(s.st_mode);
  return status;
}

}  // namespace

void throw_system_error(std::string_view action, const std::string& path, int error_number) {
  throw IoError(printable(path, 1000) + ": cannot " + std::string(action) + ": " + std::strerror(error_number) +
                advice(error_number));
}

FileHandle::FileHandle(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}

std::optional<FileHandle> FileHandle::open_if_exists(const std::string& path) {
  // Without O_NONBLOCK the open of a named pipe would wait for a writer.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) {
    if (means_missing(errno)) return std::nullopt;
    throw_system_error("open for reading", path, errno);
  }
  FileHandle file(descriptor, path);
  if (!file.status().is_regular) throw DataError(printable(path, 1000) + ": is not a file; give the path of a file");
  return file;
}

FileHandle FileHandle::open_to_read(const std::string& path) {
  auto file = open_if_exists(path);
  if (!file) throw DataError(printable(path, 1000) + ": there is no such file; check the path");
  return std::move(*file);
}

FileHandle FileHandle::create_new(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor < 0) throw_system_error("create", path, errno);
  return {descriptor, path};
}

FileHandle FileHandle::open_to_append(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (descriptor < 0) throw_system_error("open", path, errno);
  return {descriptor, path};
}

FileHandle::~FileHandle() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

FileHandle::FileHandle(FileHandle&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)) {}

FileHandle& FileHandle::operator=(FileHandle&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(path_, other.path_);
  return *this;
}

std::size_t FileHandle::read(std::span<char> buffer) {
  while (true) {
    const ssize_t count = ::read(descriptor_, buffer.data(), buffer.size());
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno != EINTR) throw_system_error("read", path_, errno);
  }
}

void FileHandle::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_system_error("write", path_, errno);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void FileHandle::sync() {
  while (::fsync(descriptor_) != 0) {
    if (errno != EINTR) throw_system_error("flush to the disk", path_, errno);
  }
}

void FileHandle::close() {
  // Linux frees the descriptor whatever close returns, so that it is never called twice.
  const int result = ::close(std::exchange(descriptor_, -1));
  if (result != 0 && errno != EINTR) throw_system_error("close", path_, errno);
}

FileStatus FileHandle::status() const {
  struct stat s {};
  if (::fstat(descriptor_, &s) != 0) throw_system_error("look at", path_, errno);
  return to_status(s);
}

MappedFile::MappedFile(const std::string& path) : path_(path) {
  const FileHandle file = FileHandle::open_to_read(path);
  size_ = static_cast<std::size_t>(file.status().bytes);
  if (size_ == 0) return;
  void* memory = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.descriptor(), 0);
  if (memory == MAP_FAILED) throw_system_error("map into memory", path, errno);
  data_ = static_cast<const std::byte*>(memory);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::release_pages() const {
  // Private pages that nobody wrote to: they come back from the file. A refusal only costs memory.
  if (data_ != nullptr) static_cast<void>(::madvise(const_cast<std::byte*>(data_), size_, MADV_DONTNEED));
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)), path_(std::move(other.path_)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(path_, other.path_);
  return *this;
}

std::string read_file(const std::string& path, std::uint64_t cap) {
  FileHandle file = FileHandle::open_to_read(path);
  std::string content;
  std::string buffer(1 << 16, '\0');
  while (const std::size_t count = file.read(buffer)) {
    content.append(buffer, 0, count);
    if (content.size() > cap) {
      throw DataError(printable(path, 1000) + ": is larger than " + human_bytes(cap) +
                      ", the most that is read of such a file; check that it is the right one");
    }
  }
  return content;
}

FileInfo describe_file(const std::string& path, std::string name, const std::function<void()>& beat) {
  // Read, not mapped: a file that shrinks or a disk that fails is then an error and not a signal.
  FileHandle file = FileHandle::open_to_read(path);
  FileInfo info{std::move(name), 0, {}};
  StreamingHash hash;
  std::string buffer(std::size_t{1} << 20, '\0');
  while (const std::size_t count = file.read(buffer)) {
    hash.update(std::string_view(buffer).substr(0, count));
    info.bytes += count;
    if (beat) beat();
  }
  info.hash = hash.value();
  return info;
}

std::optional<FileStatus> file_status(const std::string& path) {
  struct stat s {};
  if (::stat(path.c_str(), &s) == 0) return to_status(s);
  if (means_missing(errno)) return std::nullopt;
  throw_system_error("look at", path, errno);
}

std::string parent_folder(const std::string& path) {
  const auto parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

void rename_file(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) throw_system_error("rename to its final name", to, errno);
}

bool link_file(const std::string& from, const std::string& to) {
  if (::link(from.c_str(), to.c_str()) == 0) return true;
  const int error_number = errno;
  // Over NFS the answer to a link that was made can be lost, and the repeated request finds the name taken.
  const auto status = file_status(from);
  const auto target = file_status(to);
  if (error_number == EEXIST) return status && target && status->links > 1 && status->inode == target->inode;
  throw_system_error("link to a second name", to, error_number);
}

void remove_file(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) throw_system_error("remove", path, errno);
}

void remove_file_quietly(const std::string& path) noexcept { static_cast<void>(::unlink(path.c_str())); }

bool touch_file(const std::string& path) {
  if (::utimensat(AT_FDCWD, path.c_str(), nullptr, 0) == 0) return true;
  if (errno == ENOENT) return false;
  throw_system_error("set the time of", path, errno);
}

bool make_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0777) == 0) return true;
  if (errno == EEXIST) return false;
  throw_system_error("make the folder", path, errno);
}

void sync_folder(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) throw_system_error("open the folder", path, errno);
  const int error_number = ::fsync(descriptor) == 0 ? 0 : errno;
  ::close(descriptor);
  // Some network file systems cannot flush folders and say so; they make names durable themselves.
  if (error_number != 0 && error_number != EINVAL && error_number != ENOTSUP) {
    throw_system_error("flush the folder to the disk", path, error_number);
  }
}

}  // namespace westofn::io
