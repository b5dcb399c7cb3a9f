// SPDX-License-Identifier: Apache-2.0
// The frame of every command: session, log, signals, errors, exit code.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "app/stop.h"
#include "comm/communicator.h"
#include "util/log.h"

namespace westofn::app {

/// The options that every command has.
struct CommonOptions {
  Verbosity verbosity = Verbosity::normal;
  double deadline_s = 600;          ///< a rank without a sign of progress for so long ends the job
  std::optional<double> max_hours;  ///< stop in time before this many hours have passed
};

/// What each rank of a job computes with.
struct RankUse {
  std::int64_t threads = 1;
  std::int64_t gpus = 0;
};

/// What a job gets: the ranks, the options, and whether to stop.
struct JobContext {
  comm::Communicator& world;  ///< all ranks
  comm::Communicator& node;   ///< the ranks of this machine
  const CommonOptions& options;
  const StopControl& stop;
  RankUse use{};  ///< for the account of costs; set when it is known
};

/// Runs a job on all ranks that the launcher started and returns the exit code for main. Collective.
///
/// Catches everything inside the MPI session: the rank that failed prints one message (the lowest one, where several
/// agreed that they failed) and ends all ranks with MPI_Abort and the exit code of its error; std::terminate does so
/// with code 70. StopRequested, thrown by all ranks or by one inside comm::agree, ends the session in order with
/// code 85. SIGTERM and SIGUSR1 ask the job to stop from the first moment, also while MPI starts.
int run_job(const CommonOptions& options, const std::function<void(JobContext&)>& job);

/// Local. Whether this is the only process or rank 0 of the launcher, found out without MPI: the one that speaks.
[[nodiscard]] bool is_first_process();

/// Runs a command that needs no other ranks and no MPI, and returns its exit code. Under a launcher only rank 0 works.
int run_local(const CommonOptions& options, const std::function<void()>& job);

}  // namespace westofn::app
