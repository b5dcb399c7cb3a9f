// SPDX-License-Identifier: Apache-2.0
#include "io/run_lock.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"
#include "util/text.h"

namespace westofn::io {
namespace {

constexpr std::uint64_t lock_file_cap = 1 << 16;
constexpr int attempts = 100;

/// Who holds a lock, as the lock file says it.
struct Owner {
  std::string host;
  std::string boot_id;
  std::string pid_namespace;
  std::int64_t pid = 0;
  std::string start_time;  ///< of the process, in clock ticks since the boot; empty if it cannot be read
  std::string slurm_job;
  std::int64_t slurm_restarts = 0;  ///< how often Slurm has put the job back into the queue
  std::string command;
  std::string since;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Owner, host, boot_id, pid_namespace, pid, start_time, slurm_job, slurm_restarts,
                                   command, since)

/// A lock file at the moment of a look at it.
struct Sighting {
  FileStatus file;
  std::string content;
  std::optional<Owner> owner;  ///< nothing if the content is damaged

  [[nodiscard]] bool is_same(const Sighting& other) const {
    return file.device == other.file.device && file.inode == other.file.inode &&
           file.modified_ns == other.file.modified_ns && content == other.content;
  }
};

/// A file of the kernel, or nothing.
std::string read_proc(const std::string& path) {
  try {
    return read_file(path, lock_file_cap);
  } catch (const Error&) {
    return {};
  }
}

/// The fields of /proc/PID/stat from the third on; the second is the command and may hold blanks and brackets.
std::vector<std::string> process_fields(std::int64_t pid) {
  const std::string text = read_proc("/proc/" + std::to_string(pid) + "/stat");
  const auto end_of_command = text.rfind(')');
  if (end_of_command == std::string::npos) return {};
  std::istringstream rest(text.substr(end_of_command + 1));
  return {std::istream_iterator<std::string>(rest), {}};
}

/// Field 22 of /proc/PID/stat, or "".
std::string start_time(const std::vector<std::string>& fields) { return fields.size() > 19 ? fields[19] : ""; }

Owner this_process() {
  Owner owner;
  owner.host = host_name();
  owner.boot_id = trimmed(read_proc("/proc/sys/kernel/random/boot_id"));
  std::error_code ignored;
  owner.pid_namespace = std::filesystem::read_symlink("/proc/self/ns/pid", ignored).string();
  owner.pid = getpid();
  owner.start_time = start_time(process_fields(owner.pid));
  const char* slurm_job = std::getenv("SLURM_JOB_ID");
  owner.slurm_job = slurm_job == nullptr ? "" : slurm_job;
  const char* slurm_restarts = std::getenv("SLURM_RESTART_COUNT");
  owner.slurm_restarts = slurm_restarts == nullptr ? 0 : std::atoll(slurm_restarts);
  owner.command = read_proc("/proc/self/cmdline").substr(0, 300);
  std::ranges::replace(owner.command, '\0', ' ');
  owner.since = utc_now();
  return owner;
}

bool is_alive(const Owner& owner) {
  if (kill(static_cast<pid_t>(owner.pid), 0) != 0 && errno == ESRCH) return false;
  const auto fields = process_fields(owner.pid);
  if (fields.empty()) return true;  // the system hides the processes of others
  const bool is_zombie = fields[0] == "Z" || fields[0] == "X";
  return !is_zombie && (owner.start_time.empty() || start_time(fields) == owner.start_time);
}

std::optional<Sighting> look(const std::string& path) {
  auto file = FileHandle::open_if_exists(path);
  if (!file) return std::nullopt;
  Sighting seen;
  seen.file = file->status();
  std::string buffer(lock_file_cap, '\0');
  while (const std::size_t count = file->read(buffer)) {
    seen.content.append(buffer, 0, count);
    if (seen.content.size() > lock_file_cap) break;
  }
  const auto json = nlohmann::json::parse(seen.content, nullptr, false);
  try {
    seen.owner = json.get<Owner>();
    if (seen.owner->pid < 1 || seen.owner->pid > INT32_MAX) seen.owner.reset();
  } catch (const nlohmann::json::exception&) {
    seen.owner.reset();
  }
  return seen;
}

/// A file beside the lock: ".NAME.HOST.tmp-PID", gone with the object unless it was renamed.
class Draft {
 public:
  Draft(const std::string& lock, const Owner& owner, const std::string& content) {
    const std::filesystem::path path(lock);
    path_ =
        (path.parent_path() / ("." + path.filename().string() + "." + owner.host + ".tmp-" + std::to_string(owner.pid)))
            .string();
    remove_file(path_);  // of a killed process that had our number
    FileHandle file = FileHandle::create_new(path_);
    file.write(content);
    file_ = file.status();
    file.close();
  }
  ~Draft() { remove_file_quietly(path_); }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  /// Its modification time is the present by the clock of the file server.
  [[nodiscard]] const FileStatus& file() const { return file_; }

 private:
  std::string path_;
  FileStatus file_;
};

double age_s(const Sighting& seen, const Draft& draft) {
  return static_cast<double>(draft.file().modified_ns - seen.file.modified_ns) / 1e9;
}

bool is_stale(const Sighting& seen, const Owner& self, double age, const RunLockOptions& options) {
  // Our own job before Slurm put it back into the queue, perhaps on a node that was lost: nothing of it is left.
  if (seen.owner && !self.slurm_job.empty() && seen.owner->slurm_job == self.slurm_job &&
      seen.owner->slurm_restarts < self.slurm_restarts) {
    return true;
  }
  if (seen.owner && seen.owner->host == self.host && !self.boot_id.empty()) {
    // The machine was started anew, unless two machines share a name: then the other one still touches its lock.
    if (seen.owner->boot_id != self.boot_id) return age > std::min(options.stale_after_s, 4 * options.touch_every_s);
    if (seen.owner->pid_namespace == self.pid_namespace) return !is_alive(*seen.owner);
  }
  return age > options.stale_after_s;
}

/// "prepare-3fa9c1d2" of ".../prepare-3fa9c1d2.lock".
std::string stage_name(const std::string& path) {
  const std::string name = std::filesystem::path(path).filename().string();
  return printable(name.substr(0, name.find(".lock")));
}

std::string describe(const std::optional<Owner>& owner) {
  if (!owner) return "a job that cannot be told from the lock file";
  const std::string slurm = owner->slurm_job.empty() ? "" : " (Slurm job " + printable(owner->slurm_job) + ")";
  return "process " + std::to_string(owner->pid) + " on host " + printable(owner->host) + slurm + " since " +
         printable(owner->since);
}

/// Puts the draft in the place of a stale lock, unless that has gone meanwhile. Only the holder of a second lock may
/// do so, and the file is replaced, never moved away: a fresh lock cannot be hit, whoever dies at which moment.
bool take_over(const std::string& path, const Sighting& stale, const Draft& draft, const RunLockOptions& options) {
  const RunLock recovery(path + ".recovery", options);
  const auto now = look(path);
  if (!now || !now->is_same(stale)) return false;
  rename_file(draft.path(), path);
  log_warning("took over the lock of stage " + stage_name(path) + " from " + describe(stale.owner) + ", which is gone");
  return true;
}

}  // namespace

RunLock::RunLock(std::string path, RunLockOptions options) : path_(std::move(path)), options_(options) {
  const Owner self = this_process();
  const std::string content = nlohmann::json(self).dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  for (int attempt = 0; attempt < attempts && !held_; ++attempt) {
    // Anew in every round, because its time is compared with that of a lock in the way.
    const Draft draft(path_, self, content);
    file_ = draft.file();
    held_ = link_file(draft.path(), path_);
    if (held_) break;
    const auto seen = look(path_);
    if (!seen) continue;  // released in this moment
    if (!is_stale(*seen, self, age_s(*seen, draft), options_)) {
      throw ConfigError("stage " + stage_name(path_) + " is being worked on by " + describe(seen->owner) +
                        ": wait for it, or if it is gone remove " + printable(path_, 1000));
    }
    held_ = take_over(path_, *seen, draft, options_);
  }
  if (!held_) throw IoError(printable(path_, 1000) + ": the lock comes and goes, it cannot be taken; remove it");
  touched_ = steady_seconds();
}

RunLock::~RunLock() {
  try {
    release();
  } catch (const Error& error) {
    log_warning(error.what());
  }
}

bool RunLock::is_ours() const {
  const auto status = file_status(path_);
  return status && status->device == file_.device && status->inode == file_.inode;
}

void RunLock::touch() {
  WESTOFN_CHECK(held_, "touch of a lock that is not held: " + path_);
  if (steady_seconds() - touched_ < options_.touch_every_s) return;
  if (!is_ours() || !touch_file(path_)) {
    throw IoError(printable(path_, 1000) +
                  ": another job has taken the lock over, because this one was suspended for "
                  "too long; start it again when the other one has ended");
  }
  touched_ = steady_seconds();
}

void RunLock::release() {
  if (!held_) return;
  held_ = false;
  if (is_ours()) remove_file(path_);
}

}  // namespace westofn::io
