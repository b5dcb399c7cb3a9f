// SPDX-License-Identifier: Apache-2.0
// The lock of a stage, kept fresh by a thread of its own.
#pragma once

#include <atomic>
#include <string>
#include <thread>

#include "io/run_lock.h"

namespace westofn::app {

/// Holds a RunLock and shows other hosts that its job is alive, also while the job waits or computes. Local.
class StageLock {
 public:
  /// Throws as RunLock.
  explicit StageLock(const std::string& path);

  /// Throws IoError if another job has taken the lock over.
  void check() const;

 private:
  void keep(const std::stop_token& stop);

  io::RunLock lock_;
  std::atomic<bool> lost_ = false;
  std::string reason_;  ///< written before lost_ is set, read after
  std::jthread keeper_;
};

}  // namespace westofn::app
