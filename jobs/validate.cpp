// SPDX-License-Identifier: Apache-2.0
// westofn validate: checks an experiment without computing anything.
#include <cstdio>
#include <memory>

#include "chain/given_model.h"
#include "config/config.h"
#include "jobs/experiment.h"
#include "jobs/jobs.h"
#include "preparation/sources.h"
#include "util/error.h"
#include "util/log.h"
#include "util/text.h"

namespace westofn::jobs {

void add_validate(CommandLine& line) {
  auto options = std::make_shared<ExperimentOptions>();
  auto reference = std::make_shared<bool>(false);
  CLI::App* command =
      line.app.add_subcommand("validate", "check an experiment and print it with all defaults filled in");
  add_experiment_options(*command, *options);
  command->get_option("experiment")->required(false);
  command->add_flag("--reference", *reference, "print all keys of an experiment with their meaning instead");
  command->callback([&line, options, reference] {
    line.exit_code = app::run_local(line.common, [&] {
      if (*reference) {
        std::fputs(config::describe_fields<chain::Experiment>().c_str(), stdout);
        return;
      }
      if (options->file.empty())
        throw ConfigError("validate needs an experiment file, or --reference (see `westofn validate --help`)");
      const chain::Experiment experiment = read_experiment(*options);
      for (const auto& source : preparation::list_sources(experiment.data)) (void)io::JsonlReader(source.path);
      chain::check_given_models(experiment);
      std::fputs(config::to_yaml(experiment).c_str(), stdout);
      log_info(printable(options->file) + " is valid");
    });
  });
}

}  // namespace westofn::jobs
