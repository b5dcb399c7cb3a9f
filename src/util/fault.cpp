// SPDX-License-Identifier: Apache-2.0
#include "util/fault.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <vector>

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
  std::vector<Fault> faults;
  int rank = 0;
  std::mutex mutex;
  std::map<std::string, int, std::less<>> passed;

  FaultState() {
    trace = std::getenv("WESTOFN_FAULT_TRACE") != nullptr;
    const char* text = std::getenv("WESTOFN_FAULT");
    if (text != nullptr && *text != '\0') {
      for (const auto& fault : split_text(text, ',')) parse(fault);
    }
    active = trace || !faults.empty();
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
    faults.push_back({parts[0], number(parts[1]), number(parts[2]), parts.size() == 4 ? parts[3] : "exception"});
  }
};

FaultState& state() {
  static FaultState instance;
  return instance;
}

/// True if the fault is one of memory.
bool damage(const Fault& fault, std::span<std::byte> memory) {
  if (fault.action != "flip" && fault.action != "nan") return false;
  WESTOFN_CHECK(!memory.empty(), "the point shows memory that " + fault.action + " can change: " + fault.point);
  if (fault.action == "flip") {
    memory.front() ^= std::byte{1};
  } else {
    std::ranges::fill(memory, std::byte{0xFF});
  }
  return true;
}

void act(const Fault& fault, std::span<std::byte> memory) {
  if (damage(fault, memory)) return;
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

void fault_point(std::string_view name, std::span<std::byte> memory) {
  FaultState& s = state();
  if (!s.active) return;
  std::vector<Fault> firing;
  {
    const std::lock_guard lock(s.mutex);
    const int count = ++s.passed.try_emplace(std::string(name), 0).first->second;
    if (s.trace) {
      std::fprintf(stderr, "fault point %.*s rank %d count %d\n", static_cast<int>(name.size()), name.data(), s.rank,
                   count);
    }
    for (const Fault& fault : s.faults) {
      if (name == fault.point && s.rank == fault.rank && count == fault.count) firing.push_back(fault);
    }
  }
  for (const Fault& fault : firing) act(fault, memory);
}

}  // namespace westofn
