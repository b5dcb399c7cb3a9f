// SPDX-License-Identifier: Apache-2.0
// westofn prepare: imports and splits the data of an experiment.
#include "preparation/prepare.h"

#include <memory>

#include "app/stage.h"
#include "jobs/experiment.h"
#include "jobs/jobs.h"
#include "preparation/balance.h"
#include "util/log.h"

namespace westofn::jobs {

void add_prepare(CommandLine& line) {
  auto options = std::make_shared<ExperimentOptions>();
  CLI::App* command =
      line.app.add_subcommand("prepare", "import human pairs, prompts and demonstrations, and split them");
  add_experiment_options(*command, *options);
  command->add_flag("--dry-run", options->dry_run, "print what would be computed, and why, and stop");
  command->callback([&line, options] {
    line.exit_code = app::run_job(line.common, [&](app::JobContext& job) {
      const OpenExperiment experiment = open_experiment(job, *options);
      const auto& [settings, run] = experiment;
      if (options->dry_run) {
        for (const auto& plan : preparation::plan_prepare(job, run, settings.data, settings.seed)) {
          log_info(app::to_text(plan));
        }
        return;
      }
      const auto inputs = preparation::find_inputs(job, run, settings.data, settings.seed);
      if (job.world.rank() == 0) log_info(app::to_text(app::plan_stage(run, inputs.spec)));
      const io::Manifest manifest = preparation::prepare(job, run, inputs, settings.seed);
      log_info("prepare is complete: " + run.stage(inputs.spec.folder_name()));
      log_info(preparation::balance_table(manifest.counts));
    });
  });
}

}  // namespace westofn::jobs
