// SPDX-License-Identifier: Apache-2.0
// westofn validate and estimate: what can be said of an experiment without computing anything.
#include <cstdio>
#include <memory>

#include "chain/estimate.h"
#include "chain/given_model.h"
#include "config/config.h"
#include "jobs/experiment.h"
#include "jobs/jobs.h"
#include "preparation/sources.h"
#include "util/error.h"
#include "util/log.h"
#include "util/text.h"

namespace westofn::jobs {

namespace {

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

void add_estimate(CommandLine& line) {
  auto options = std::make_shared<ExperimentOptions>();
  auto ranks = std::make_shared<int>(1);
  CLI::App* command = line.app.add_subcommand(
      "estimate", "memory and work of an experiment on a number of ranks, before it is submitted");
  add_experiment_options(*command, *options);
  command->add_option("--ranks", *ranks, "ranks of the job, one a GPU (default 1)")
      ->type_name("N")
      ->check(number_between(1, 1e6));
  command->callback([&line, options, ranks] {
    line.exit_code = app::run_local(
        line.common, [&] { std::fputs(chain::estimate(read_experiment(*options), *ranks).c_str(), stdout); });
  });
}

}  // namespace

void add_experiment_commands(CommandLine& line) {
  add_validate(line);
  add_estimate(line);
}

}  // namespace westofn::jobs
