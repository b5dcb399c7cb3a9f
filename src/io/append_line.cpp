// SPDX-License-Identifier: Apache-2.0
#include "io/append_line.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "io/file.h"

namespace westofn::io {
namespace {

/// An open descriptor that is closed at the end of its life.
struct Descriptor {
  int number;
  explicit Descriptor(const std::string& path)
      : number(::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0666)) {
    if (number < 0) throw_system_error("open for appending", path, errno);
  }
  ~Descriptor() { ::close(number); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
};

bool ends_within_a_line(int descriptor) {
  const off_t bytes = ::lseek(descriptor, 0, SEEK_END);
  char last = '\n';
  return bytes > 0 && ::pread(descriptor, &last, 1, bytes - 1) == 1 && last != '\n';
}

}  // namespace

void append_line(const std::string& path, std::string_view line) {
  const Descriptor file(path);
  const std::string text = (ends_within_a_line(file.number) ? "\n" : "") + std::string(line) + "\n";
  const ssize_t count = ::write(file.number, text.data(), text.size());
  if (count < 0) throw_system_error("write", path, errno);
  if (static_cast<std::size_t>(count) < text.size()) throw_system_error("write a whole line", path, ENOSPC);
}

}  // namespace westofn::io
