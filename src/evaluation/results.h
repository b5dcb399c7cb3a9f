// SPDX-License-Identifier: Apache-2.0
// results.h5: the whole run in one file, for those who read it afterwards. The schema is in analysis/README.md.
#pragma once

#include <string>

#include "app/run_folder.h"
#include "app/run_job.h"
#include "evaluation/evaluate.h"

namespace westofn::evaluation {

/// Collective. Publishes RUN/results.h5: evaluation.h5, and all that led to it. The ranks read and write their parts of
/// the pools, matches, human pairs and mixtures together. Equal content for any number of ranks, but for /cost and
/// /versions. Throws DataError if a file of a stage is damaged, ConfigError if
/// another job is publishing them, IoError.
void publish_results(app::JobContext& job, const app::RunFolder& run, const std::string& evaluation_path,
                     const EvaluateInputs& inputs);

/// The name of the file in the run folder.
inline constexpr const char* results_name = "results.h5";

}  // namespace westofn::evaluation
