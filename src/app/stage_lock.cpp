// SPDX-License-Identifier: Apache-2.0
#include "app/stage_lock.h"

#include <chrono>
#include <filesystem>
#include <vector>

#include "io/file.h"
#include "util/error.h"
#include "util/text.h"

namespace westofn::app {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view part_mark = ".shards-";
constexpr std::string_view lock_ending = ".lock";

std::string lock_path(const RunFolder& run, const std::string& stage, const ShardPart& part) {
  return run.lock(part.is_all() ? stage : stage + std::string(part_mark) + part.lock_name());
}

/// The lock files of the stage that are there, and the parts that they stand for.
struct PartLock {
  std::string path;
  ShardPart part;
};
std::vector<PartLock> locks_of(const RunFolder& run, const std::string& stage) {
  std::vector<PartLock> locks;
  const std::string begin = stage + std::string(part_mark);
  std::error_code ignored;
  for (auto entry = fs::directory_iterator(run.log_folder(), ignored); entry != fs::directory_iterator();
       entry.increment(ignored)) {
    const std::string name = entry->path().filename().string();
    if (name == stage + std::string(lock_ending)) locks.push_back({entry->path().string(), {}});
    if (!name.starts_with(begin) || !name.ends_with(lock_ending)) continue;
    const auto part =
        ShardPart::from_lock_name(name.substr(begin.size(), name.size() - begin.size() - lock_ending.size()));
    if (part) locks.push_back({entry->path().string(), *part});
  }
  return locks;
}

/// Only taking a lock tells a stale one from one that a job holds; the latter is not touched by that. Throws as
/// RunLock if it is held.
void refuse_held(const std::string& path) {
  if (io::file_status(path)) io::RunLock(path).release();
}

}  // namespace

StageLock::StageLock(const RunFolder& run, const std::string& stage, const ShardPart& part)
    : lock_(lock_path(run, stage, part)) {
  // The own lock first: of two jobs that start in the same moment at most one goes on.
  for (const PartLock& other : locks_of(run, stage)) {
    if (other.path == lock_path(run, stage, part)) continue;
    if (part.is_all() || other.part.is_all() || part.may_overlap(other.part)) refuse_held(other.path);
  }
  keeper_ = std::jthread([this](const std::stop_token& stop) { keep(stop); });
}

void StageLock::check() const {
  if (lost_) throw IoError(reason_);
}

void StageLock::keep(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    try {
      lock_.touch();  // does something only every 30 s
    } catch (const Error& error) {
      reason_ = error.what();
      lost_ = true;
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

bool is_stage_locked(const RunFolder& run, const std::string& stage) {
  try {
    for (const PartLock& lock : locks_of(run, stage)) refuse_held(lock.path);
    return false;
  } catch (const ConfigError&) {
    return true;
  }
}

}  // namespace westofn::app
