// SPDX-License-Identifier: Apache-2.0
#include "app/status.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "app/progress.h"
#include "app/stage_lock.h"
#include "io/file.h"
#include "io/manifest.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/text.h"

namespace westofn::app {
namespace {

namespace fs = std::filesystem;

enum class LockState { free, held, unknown };

LockState state_of_lock(const RunFolder& run, const std::string& name) {
  try {
    return is_stage_locked(run, name) ? LockState::held : LockState::free;
  } catch (const IoError&) {  // the run of another user
    return LockState::unknown;
  }
}

std::uint64_t bytes_below(const std::string& path) {
  std::uint64_t bytes = 0;
  std::error_code ignored;
  for (auto entry = fs::recursive_directory_iterator(path, ignored); entry != fs::recursive_directory_iterator();
       entry.increment(ignored)) {
    if (!entry->is_regular_file(ignored)) continue;
    const std::uintmax_t size = entry->file_size(ignored);
    if (!ignored) bytes += size;
  }
  return bytes;
}

/// So that `clean` never looks for leftovers in a folder that westofn did not make.
void check_run_folder(const RunFolder& run) {
  if (io::file_status(run.experiment())) return;
  throw DataError(printable(run.path(), 1000) +
                  ": not a run folder (no experiment.yaml); give the folder that a run made (runs/NAME by default)");
}

std::string stage_text(const RunFolder& run, const std::string& name) {
  std::string state = "complete";
  if (!io::has_manifest(run.stage(name))) {
    switch (state_of_lock(run, name)) {
      case LockState::free: state = "not finished"; break;
      case LockState::held: state = "in work"; break;
      case LockState::unknown: state = "in work, or its job was killed"; break;
    }
  }
  return "  " + printable(name) + "  " + state + ", " + human_bytes(bytes_below(run.stage(name))) + "\n";
}

/// A job that ends in order says so in its heartbeat before it leaves the lock; one that was killed does neither.
bool was_cut_short(const RunFolder& run, const Heartbeat& heartbeat) {
  if (heartbeat.state != "running") return false;
  const auto stages = run.stages();
  if (!std::binary_search(stages.begin(), stages.end(), heartbeat.stage)) return true;
  if (state_of_lock(run, heartbeat.stage) != LockState::free) return false;
  // It may have finished between the look at its heartbeat and the look at its lock.
  return !io::has_manifest(run.stage(heartbeat.stage)) && read_heartbeat(run.heartbeat()).state == "running";
}

std::string heartbeat_text(const RunFolder& run) {
  try {
    if (!io::file_status(run.heartbeat())) return "no job has worked here yet\n";
    const Heartbeat h = read_heartbeat(run.heartbeat());
    const double age_s = std::max(0.0, unix_seconds() - h.unix_s);  // the clock of another machine may be ahead
    std::string text = "last heartbeat " + human_seconds(age_s) + " ago (" + printable(h.time) +
                       "): " + printable(h.state) + ", " + to_text(h) + "\n  process " + std::to_string(h.pid) +
                       " on " + printable(h.host) +
                       (h.slurm_job.empty() ? "" : ", Slurm job " + printable(h.slurm_job)) + "\n";
    if (was_cut_short(run, h)) {
      text += "  that job has ended without finishing; start the same command again to go on\n";
    }
    return text;
  } catch (const Error& error) {
    return "no heartbeat: " + printable(error.what(), 1000) + "\n";
  }
}

}  // namespace

std::string run_status(const RunFolder& run) {
  check_run_folder(run);
  std::string text = printable(run.path(), 1000) + ": run folder\n";
  const auto stages = run.stages();
  for (const auto& name : stages) text += stage_text(run, name);
  if (stages.empty()) text += "  no stage yet\n";
  return text + heartbeat_text(run);
}

std::vector<Leftover> find_leftovers(const RunFolder& run) {
  check_run_folder(run);
  std::vector<Leftover> leftovers;
  for (const auto& name : run.stages()) {
    const std::string folder = run.stage(name);
    if (io::has_manifest(folder)) continue;
    const bool in_work = state_of_lock(run, name) != LockState::free;
    leftovers.push_back({name, folder, "a stage that was not finished", bytes_below(folder), in_work});
  }
  return leftovers;
}

Removal remove_leftover(const RunFolder& run, const std::string& name) {
  run.make();  // the folder of the lock, in case that somebody has removed it
  std::optional<StageLock> lock;
  try {
    lock.emplace(run, name, ShardPart());
  } catch (const ConfigError&) {
    return Removal::in_work;
  }
  const std::string folder = run.stage(name);
  if (io::has_manifest(folder)) return Removal::finished;
  std::error_code error;
  fs::remove_all(folder, error);
  if (error) io::throw_system_error("remove", folder, error.value());
  return Removal::removed;
}

}  // namespace westofn::app
