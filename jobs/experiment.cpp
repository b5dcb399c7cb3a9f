// SPDX-License-Identifier: Apache-2.0
#include "jobs/experiment.h"

#include "comm/agree.h"
#include "comm/typed.h"
#include "config/config.h"
#include "util/fault.h"
#include "util/log.h"

namespace westofn::jobs {

chain::Experiment read_experiment(const ExperimentOptions& options) {
  auto experiment = config::read<chain::Experiment>(config::load_document(options.file, options.overrides));
  chain::check_experiment(experiment);
  return experiment;
}

OpenExperiment open_experiment(app::JobContext& job, const ExperimentOptions& options) {
  const std::string resolved = comm::agree(job.world, [&] {
    fault_point("experiment.read");
    return job.world.rank() == 0 ? config::to_yaml(read_experiment(options)) : std::string();
  });
  const std::string text = comm::broadcast_string(job.world, resolved, 0);
  OpenExperiment open{config::read<chain::Experiment>(config::Document(text, options.file)), app::RunFolder("")};
  open.run = app::RunFolder(options.run_dir.empty() ? "runs/" + open.settings.name : options.run_dir);
  if (options.dry_run) return open;
  comm::agree(job.world, [&] {
    if (job.world.rank() != 0) return;
    open.run.make();
    log_to_file(open.run.log_file());
    open.run.write_experiment(text);
  });
  return open;
}

void add_experiment_options(CLI::App& command, ExperimentOptions& options) {
  command.add_option("experiment", options.file, "the experiment file (YAML)")
      ->required()
      ->type_name("FILE")
      ->check(not_empty());
  command
      .add_option("--set", options.overrides,
                  "replace a value of the experiment: seed=2, data.pairs[0].path=x.jsonl; can be given many times")
      ->type_name("KEY=VALUE")
      ->take_all()
      ->allow_extra_args(false);
  command.add_option("--run-dir", options.run_dir, "where the results go (default: runs/NAME)")
      ->type_name("DIR")
      ->check(not_empty());
}

}  // namespace westofn::jobs
