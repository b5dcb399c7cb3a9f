// SPDX-License-Identifier: Apache-2.0
// `westofn doctor`: what this machine, this launcher and this build offer, what is wrong, and how to mend it.
#pragma once

#include <string>
#include <vector>

#include "app/run_job.h"

namespace westofn::app {

/// What one rank sees.
struct RankReport {
  std::string host;
  int local_rank = 0;
  int local_size = 1;
  int cores = 0;  ///< that the rank may use (its binding)
  int machine_cores = 0;
  int threads = 0;          ///< OMP_NUM_THREADS, or 0 if it is not set
  int gpus = 0;             ///< that the rank sees
  std::string core_list{};  ///< the numbers of those cores: "0-7,16"
};

/// A line of the report, and what to do about it if it is a problem.
struct Finding {
  std::string text;
  std::string advice;  ///< empty: all is well
};

/// Collective. What every rank sees, in rank order, on rank 0; empty elsewhere.
[[nodiscard]] std::vector<RankReport> gather_ranks(comm::Communicator& world, comm::Communicator& node);

/// Pure: the ranks of every host, and what is wrong with the way in which they were started; where the ranks of a host
/// differ, the worst case counts.
[[nodiscard]] std::vector<Finding> judge_ranks(const std::vector<RankReport>& ranks);

/// Local. Tries in `folder` what the program needs of a file system: exclusive creation, hard links, fsync, rename,
/// memory mapping; removes what it wrote, the folder too if it was not there.
[[nodiscard]] std::vector<Finding> probe_file_system(const std::string& folder);

/// Collective. Whether all ranks see in `folder`, by their own reading of that name, what rank 0 writes there; a rank
/// looks again for `patience_s`, since network file systems are late. Findings on rank 0, empty elsewhere; nothing is
/// left behind.
[[nodiscard]] std::vector<Finding> probe_sharing(comm::Communicator& world, const std::string& folder,
                                                 double patience_s);

/// Collective. The whole report on rank 0, empty elsewhere.
[[nodiscard]] std::string doctor(JobContext& job, const std::string& folder);

}  // namespace westofn::app
