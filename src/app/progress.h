// SPDX-License-Identifier: Apache-2.0
// Progress for people (a bar or lines), for `westofn status` (heartbeat.json) and for the other ranks (beat).
#pragma once

#include <cstdint>
#include <string>

#include "comm/communicator.h"

namespace westofn::app {

/// What heartbeat.json says.
struct Heartbeat {
  std::string time;   ///< UTC
  double unix_s = 0;  ///< the same moment, to compute an age
  std::string stage;  ///< NAME-KEY
  std::string state;  ///< running, done, stopped
  std::int64_t done = 0;
  std::int64_t total = 0;  ///< 0: unknown
  std::string unit;
  double rate_per_s = 0;
  double eta_s = 0;  ///< 0 while nothing is known: without a total or at rate 0
  std::string host;
  std::int64_t pid = 0;
  std::string slurm_job;  ///< empty outside Slurm
};

/// "prepare-3fa9c1d2 3/10 shards (30 %), 0.5/s, 14.0 s left", with as much of it as is known.
[[nodiscard]] std::string to_text(const Heartbeat& heartbeat);

/// Replaces the heartbeat file; a failure leaves the old one and is a warning, once: a full disk must be reported by
/// the work itself.
void write_heartbeat(const std::string& path, const Heartbeat& heartbeat);

/// Reads it back. Throws DataError when it is missing or damaged.
[[nodiscard]] Heartbeat read_heartbeat(const std::string& path);

/// Reports how far a stage is. All ranks make one and update it in their loops; only rank 0 prints and writes.
class Progress {
 public:
  struct Task {
    std::string stage;
    std::string unit;            ///< "rows", "shards"
    std::int64_t total = 0;      ///< 0: unknown
    std::string heartbeat_path;  ///< empty: no file
  };

  Progress(comm::Communicator& comm, Task task);
  /// `done` counts from 0 to the total, if that is known, as far as this rank knows. Local; cheap enough for every row.
  void update(std::int64_t done);
  /// Prints the last line and sets the heartbeat to the given state.
  void finish(const std::string& state);

 private:
  void print(bool last);
  [[nodiscard]] Heartbeat heartbeat(const std::string& state) const;

  comm::Communicator& comm_;
  Task task_;
  std::int64_t done_ = 0;
  double start_s_;
  double last_print_s_;
  double last_beat_s_;
  bool is_terminal_;
  bool printed_ = false;
};

}  // namespace westofn::app
