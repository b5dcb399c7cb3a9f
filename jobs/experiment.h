// SPDX-License-Identifier: Apache-2.0
// Opening an experiment: the file with the overrides of the command line, and its run folder.
#pragma once

#include "app/run_folder.h"
#include "app/run_job.h"
#include "chain/experiment.h"
#include "jobs/jobs.h"

namespace westofn::jobs {

/// Local. Reads and checks the file with the overrides of the command line. Throws ConfigError.
[[nodiscard]] chain::Experiment read_experiment(const ExperimentOptions& options);

/// Collective. The experiment as rank 0 reads it, and its run folder, made ready: resolved file and log.
struct OpenExperiment {
  chain::Experiment settings;
  app::RunFolder run;
};
[[nodiscard]] OpenExperiment open_experiment(app::JobContext& job, const ExperimentOptions& options);

}  // namespace westofn::jobs
