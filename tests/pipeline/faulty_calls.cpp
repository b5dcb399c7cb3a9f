// SPDX-License-Identifier: Apache-2.0
// An LD_PRELOAD library that makes the k-th write, fsync or rename of one rank below one folder fail.
//
//   WESTOFN_CALL_FOLDER=DIR            only calls on files below this folder count
//   WESTOFN_CALL_FAULT=rank:k:action   action: EIO, ENOSPC, short (half of the bytes, then ENOSPC), kill, stop
//   WESTOFN_CALL_REPORT=FILE           a line is appended when the fault strikes, and a line with the number of calls
//                                      of this rank at the end
#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

struct Fault {
  std::string folder;
  std::string report;
  std::string action;
  long rank = -1;
  long count = -1;
  long own_rank = 0;
  std::atomic<long> calls = 0;

  Fault() {
    const auto text = [](const char* name) {
      const char* value = std::getenv(name);
      return std::string(value == nullptr ? "" : value);
    };
    folder = text("WESTOFN_CALL_FOLDER");
    report = text("WESTOFN_CALL_REPORT");
    own_rank = std::atol(text("OMPI_COMM_WORLD_RANK").c_str());
    char name[16] = "";
    if (std::sscanf(text("WESTOFN_CALL_FAULT").c_str(), "%ld:%ld:%15s", &rank, &count, name) == 3) action = name;
  }
  ~Fault() {
    if (!folder.empty()) note("rank " + std::to_string(own_rank) + " calls " + std::to_string(calls.load()));
  }

  void note(const std::string& line) const {
    using Write = ssize_t (*)(int, const void*, size_t);
    static const auto real_write = reinterpret_cast<Write>(dlsym(RTLD_NEXT, "write"));
    if (report.empty()) return;
    const int file = open(report.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    const std::string text = line + "\n";
    (void)!real_write(file, text.data(), text.size());
    close(file);
  }

  bool is_watched(const char* path) const {
    return !folder.empty() && std::strncmp(path, folder.c_str(), folder.size()) == 0;
  }

  bool is_watched(int descriptor) const {
    if (folder.empty()) return false;
    char path[PATH_MAX] = "";
    const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
    return readlink(link.c_str(), path, sizeof(path) - 1) > 0 && is_watched(path);
  }

  /// Counts a call; true if it is the one that shall fail (errno is set).
  bool strikes(const char* call, const char* what) {
    const long number = ++calls;
    if (action.empty() || own_rank != rank || number != count) return false;
    note(std::string("strike ") + call + " " + what);
    if (action == "kill") raise(SIGKILL);
    if (action == "stop") {
      raise(SIGSTOP);
      return false;
    }
    errno = action == "EIO" ? EIO : ENOSPC;
    return true;
  }
};

Fault& fault() {
  static Fault instance;
  return instance;
}

std::string path_of(int descriptor) {
  char path[PATH_MAX] = "";
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  (void)!readlink(link.c_str(), path, sizeof(path) - 1);
  return path;
}

template <class F>
F real(const char* name) {
  return reinterpret_cast<F>(dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

ssize_t write(int descriptor, const void* bytes, size_t count) {
  static const auto call = real<ssize_t (*)(int, const void*, size_t)>("write");
  if (fault().is_watched(descriptor) && fault().strikes("write", path_of(descriptor).c_str())) {
    if (fault().action == "short") return call(descriptor, bytes, count / 2);
    return -1;
  }
  return call(descriptor, bytes, count);
}

int fsync(int descriptor) {
  static const auto call = real<int (*)(int)>("fsync");
  if (fault().is_watched(descriptor) && fault().strikes("fsync", path_of(descriptor).c_str())) return -1;
  return call(descriptor);
}

int rename(const char* from, const char* to) {
  static const auto call = real<int (*)(const char*, const char*)>("rename");
  if (fault().is_watched(to) && fault().strikes("rename", to)) return -1;
  return call(from, to);
}
}
