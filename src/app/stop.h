// SPDX-License-Identifier: Apache-2.0
// When to stop in time: a signal from Slurm or the user, or too little time left for another piece of work.
#pragma once

#include <optional>

namespace westofn::app {

/// Knows whether this process was asked to stop (SIGTERM, SIGUSR1) and how much of its time is left.
/// A second signal ends the process at once. One object a process; Local: the ranks agree through comm::any.
class StopControl {
 public:
  /// Installs the signal handlers. `max_hours`: wall time that the job may use, counted from now; without it the end
  /// of the Slurm job (SLURM_JOB_END_TIME) counts, if there is one.
  explicit StopControl(std::optional<double> max_hours);
  ~StopControl();  ///< from now on these signals are ignored: what is done cannot stop in time
  StopControl(const StopControl&) = delete;
  StopControl& operator=(const StopControl&) = delete;

  /// A signal has arrived.
  [[nodiscard]] bool signalled() const;
  /// Seconds until the limit; nothing if there is none.
  [[nodiscard]] std::optional<double> remaining_s() const;
  /// Whether work that takes `needed_s` should still be started: no signal, and twice that time is left.
  [[nodiscard]] bool may_start(double needed_s) const;

 private:
  std::optional<double> end_steady_s_;
};

}  // namespace westofn::app
