// SPDX-License-Identifier: Apache-2.0
// The lock of a stage, or of a part of its shards, kept fresh by a thread of its own.
#pragma once

#include <atomic>
#include <string>
#include <thread>

#include "app/run_folder.h"
#include "app/shard_part.h"
#include "io/run_lock.h"

namespace westofn::app {

/// Holds a RunLock and shows other hosts that its job is alive, also while the job waits or computes. Local.
class StageLock {
 public:
  /// Throws as RunLock, and ConfigError if another job works on shards that may be the same ones.
  StageLock(const RunFolder& run, const std::string& stage, const ShardPart& part);

  /// Throws IoError if another job has taken the lock over.
  void check() const;

 private:
  void keep(const std::stop_token& stop);

  io::RunLock lock_;
  std::atomic<bool> lost_ = false;
  std::string reason_;  ///< written before lost_ is set, read after
  std::jthread keeper_;
};

/// Local. Whether a job holds the lock of a stage, or of some of its shards. Throws IoError.
[[nodiscard]] bool is_stage_locked(const RunFolder& run, const std::string& stage);

}  // namespace westofn::app
