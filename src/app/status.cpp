// SPDX-License-Identifier: Apache-2.0
#include "app/status.h"

#include <filesystem>

#include "app/progress.h"
#include "io/file.h"
#include "io/manifest.h"
#include "io/run_lock.h"
#include "util/error.h"
#include "util/text.h"

namespace westofn::app {
namespace {

namespace fs = std::filesystem;

std::uint64_t bytes_below(const std::string& path) {
  std::uint64_t bytes = 0;
  std::error_code ignored;
  for (auto entry = fs::recursive_directory_iterator(path, ignored); entry != fs::recursive_directory_iterator();
       entry.increment(ignored)) {
    if (entry->is_regular_file(ignored)) bytes += entry->file_size(ignored);
  }
  return bytes;
}

/// So that `clean` never looks for leftovers in a folder that westofn did not make.
void check_run_folder(const RunFolder& run) {
  if (io::file_status(run.experiment())) return;
  throw DataError(printable(run.path(), 1000) +
                  ": not a run folder (no experiment.yaml); give the folder that a run made (runs/NAME by default)");
}

std::string heartbeat_text(const RunFolder& run) {
  if (!io::file_status(run.heartbeat())) return "no job has worked here yet\n";
  const Heartbeat h = read_heartbeat(run.heartbeat());
  std::string text = "last heartbeat " + h.time + ": " + h.stage + " " + h.state + ", " + std::to_string(h.done) + "/" +
                     std::to_string(h.total) + " " + h.unit;
  if (h.state == "running") text += ", " + human_seconds(h.eta_s) + " left";
  text += "\n  process " + std::to_string(h.pid) + " on " + h.host;
  return text + (h.slurm_job.empty() ? "" : ", Slurm job " + h.slurm_job) + "\n";
}

}  // namespace

std::string run_status(const RunFolder& run) {
  check_run_folder(run);
  std::string text = run.path() + ": run folder\n";
  const auto stages = run.stages();
  for (const auto& name : stages) {
    const std::string folder = run.stage(name);
    const bool complete = io::has_manifest(folder);
    const bool locked = io::file_status(run.lock(name)).has_value();
    text += "  " + name + "  " +
            (complete ? "complete"
             : locked ? "in work, or its job was killed"
                      : "not finished") +
            ", " + human_bytes(bytes_below(folder)) + "\n";
  }
  if (stages.empty()) text += "  no stage yet\n";
  return text + heartbeat_text(run);
}

std::vector<Leftover> find_leftovers(const RunFolder& run) {
  check_run_folder(run);
  std::vector<Leftover> leftovers;
  for (const auto& name : run.stages()) {
    const std::string folder = run.stage(name);
    if (io::has_manifest(folder)) continue;
    // Taking the lock for a moment is the test whether somebody works on it.
    if (io::file_status(run.lock(name))) io::RunLock(run.lock(name)).release();
    leftovers.push_back({folder, "a stage that was not finished", bytes_below(folder)});
  }
  return leftovers;
}

void remove_leftovers(const std::vector<Leftover>& leftovers) {
  for (const auto& leftover : leftovers) {
    std::error_code error;
    fs::remove_all(leftover.path, error);
    if (error) io::throw_system_error("remove", leftover.path, error.value());
  }
}

}  // namespace westofn::app
