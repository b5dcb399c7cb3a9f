// SPDX-License-Identifier: Apache-2.0
#include "util/fault.h"

#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>

#include "util/error.h"
#include "util/text.h"

namespace westofn {
namespace {

struct Fault {
  std::string point;
  int rank = 0;
  int count = 1;
  std::string action = "exception";
};

struct FaultState {
  bool active = false;  // false in every run that is not a test
  bool trace = false;
  Fault fault;
  int rank = 0;
  std::mutex mutex;
  std::map<std::string, int, std::less<>> passed;

  FaultState() {
    trace = std::getenv("WESTOFN_FAULT_TRACE") != nullptr;
    const char* text = std::getenv("WESTOFN_FAULT");
    if (text != nullptr && *text != '\0') parse(text);
    active = trace || !fault.point.empty();
  }

  void parse(const std::string& text) {
    const auto parts = split_text(text, ':');
    const auto number = [&](const std::string& part) {
      int value = -1;
      const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
      if (error != std::errc{} || end != part.data() + part.size() || value < 0) {
        throw ConfigError("WESTOFN_FAULT=" + text + ": expected point:rank:count[:action]");
      }
      return value;
    };
    if (parts.size() < 3 || parts.size() > 4) {
      throw ConfigError("WESTOFN_FAULT=" + text + ": expected point:rank:count[:action]");
    }
    fault = {parts[0], number(parts[1]), number(parts[2]), parts.size() == 4 ? parts[3] : "exception"};
  }
};

FaultState& state() {
  static FaultState instance;
  return instance;
}

void act(const Fault& fault) {
  if (fault.action == "kill") std::raise(SIGKILL);
  if (fault.action == "stop") {
    std::raise(SIGSTOP);
    return;
  }
  if (fault.action == "term") {
    std::raise(SIGTERM);
    return;
  }
  if (fault.action == "hang") {
    while (true) pause();
  }
  if (fault.action == "EIO" || fault.action == "ENOSPC") {
    throw IoError("injected at " + fault.point + ": " + std::strerror(fault.action == "EIO" ? EIO : ENOSPC));
  }
  throw InternalError("injected at " + fault.point);
}

}  // namespace

void set_fault_rank(int rank) { state().rank = rank; }

void fault_point(std::string_view name) {
  FaultState& s = state();
  if (!s.active) return;
  bool fires = false;
  {
    const std::lock_guard lock(s.mutex);
    const int count = ++s.passed.try_emplace(std::string(name), 0).first->second;
    if (s.trace) {
      std::fprintf(stderr, "fault point %.*s rank %d count %d\n", static_cast<int>(name.size()), name.data(), s.rank,
                   count);
    }
    fires = name == s.fault.point && s.rank == s.fault.rank && count == s.fault.count;
  }
  if (fires) act(s.fault);
}

}  // namespace westofn
