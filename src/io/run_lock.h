// SPDX-License-Identifier: Apache-2.0
// Lock files: one job at a time works on a stage, and the lock of a dead job does not stand in the way.
#pragma once

#include <string>

#include "io/file.h"

namespace westofn::io {

struct RunLockOptions {
  double stale_after_s = 600;  ///< a lock of another host that was not touched for so long is stale
  double touch_every_s = 30;   ///< touch() does nothing more often than this
};

/// Holds PATH (".../NAME.lock") from construction to release. Local: one rank holds it for its job.
///
/// The file names its owner: host, boot, process with its start time, Slurm job. A lock is stale if its owner was a
/// process of this boot that is gone, or this Slurm job before it was requeued; if it comes from an earlier boot of
/// this host and was not touched for two minutes; and for other hosts, other process name spaces (containers) and
/// unreadable files, if it was not touched for `stale_after_s`, by the clock of the file server.
class RunLock {
 public:
  /// Takes the lock; a stale one is taken over with a warning. Throws ConfigError that names the owner if the lock is
  /// held, IoError if the system refuses.
  explicit RunLock(std::string path, RunLockOptions options = {});
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

  /// Shows other hosts that this job is alive; long loops call it, most calls do nothing. Throws IoError if another
  /// job has taken the lock over (this process was suspended): stop writing then.
  void touch();

  /// Removes the lock file, if it is still ours. The destructor does the same.
  void release();

 private:
  [[nodiscard]] bool is_ours() const;

  std::string path_;
  RunLockOptions options_;
  FileStatus file_;  // identity of our lock file
  double touched_ = 0;
  bool held_ = false;
};

}  // namespace westofn::io
