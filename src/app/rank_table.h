// SPDX-License-Identifier: Apache-2.0
// Where the ranks of a job run and what they may use: the first thing that the log of a Slurm job says.
#pragma once

#include <span>
#include <string>

#include "app/doctor.h"
#include "app/run_job.h"

namespace westofn::app {

/// Pure. One line a rank, of the first host and of those where something is different; the others are counted. `use` is
/// what each rank computes with.
[[nodiscard]] std::string rank_table(std::span<const RankReport> ranks, const RankUse& use);

/// Collective. Says in the log how the ranks are placed, and warns of what is wrong with it (see judge_ranks). In a job
/// of Slurm only: elsewhere `westofn doctor` tells it.
void log_ranks(JobContext& job);

}  // namespace westofn::app
