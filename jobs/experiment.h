// SPDX-License-Identifier: Apache-2.0
// The experiment file as one struct: the sum of the settings of the libraries.
#pragma once

#include <cstdint>
#include <string>

#include "app/run_folder.h"
#include "app/run_job.h"
#include "jobs/jobs.h"
#include "preparation/settings.h"

namespace westofn::jobs {

struct Experiment {
  std::string name;
  std::uint64_t seed = 1;
  preparation::DataSettings data;
};

template <class V>
void visit_fields(V& v, Experiment& s) {
  v.required("name", s.name, "name of the run folder: letters, digits, '-', '_', '.'");
  v.check("name",
          !s.name.empty() && s.name.front() != '.' &&
              s.name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
                  std::string::npos,
          "a name of letters, digits, '-', '_' and '.' that does not begin with '.'");
  v.optional("seed", s.seed, "changes the world, the split and the training alike");
  v.required("data", s.data, "which files, in which format, and how they are split");
}

/// Local. Reads and checks the file with the overrides of the command line. Throws ConfigError.
[[nodiscard]] Experiment read_experiment(const ExperimentOptions& options);

/// Collective. The experiment as rank 0 reads it, and its run folder, made ready: resolved file and log.
struct OpenExperiment {
  Experiment settings;
  app::RunFolder run;
};
[[nodiscard]] OpenExperiment open_experiment(app::JobContext& job, const ExperimentOptions& options);

}  // namespace westofn::jobs
