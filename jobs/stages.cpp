// SPDX-License-Identifier: Apache-2.0
// westofn run, prepare, sft, preference, synthesize, reward, evaluate: the stages of an experiment.
#include <map>
#include <memory>

#include "chain/chain.h"
#include "jobs/experiment.h"
#include "jobs/jobs.h"
#include "util/log.h"

namespace westofn::jobs {
namespace {

using chain::Goal;

/// Prints the plan, then makes what it says.
void run_chain(app::JobContext& job, const ExperimentOptions& options, const std::vector<Goal>& goals) {
  const auto [settings, run] = open_experiment(job, options);
  chain::Chain chain(job, run, settings, goals);
  for (const auto& line : chain.plan()) log_info(line);
  if (options.dry_run) return;
  chain.make();
  log_info("done: " + run.path());
}

CLI::App* add_command(CommandLine& line, const char* name, const char* help,
                      const std::shared_ptr<std::vector<Goal>>& goals) {
  auto options = std::make_shared<ExperimentOptions>();
  CLI::App* command = line.app.add_subcommand(name, help);
  add_experiment_options(*command, *options);
  command->add_flag("--dry-run", options->dry_run, "print what would be computed, and why, and stop");
  command->callback([&line, options, goals] {
    line.exit_code = app::run_job(line.common, [&](app::JobContext& job) { run_chain(job, *options, *goals); });
  });
  return command;
}

void add_command(CommandLine& line, const char* name, const char* help, std::vector<Goal> goals) {
  add_command(line, name, help, std::make_shared<std::vector<Goal>>(std::move(goals)));
}

}  // namespace

void add_stage_commands(CommandLine& line) {
  add_command(line, "run", "all stages of an experiment, up to the table and results.h5",
              {Goal::prepare, Goal::policy, Goal::preference, Goal::pools, Goal::matches, Goal::recipes, Goal::rewards,
               Goal::evaluation});
  add_command(line, "prepare", "import human pairs, prompts and demonstrations, and split them", {Goal::prepare});
  add_command(line, "sft", "fine-tune the policy", {Goal::policy});
  add_command(line, "preference", "train the pairwise preference model", {Goal::preference});
  const auto synthesize = std::make_shared<std::vector<Goal>>(std::vector<Goal>{Goal::recipes});
  const std::map<std::string, Goal> phases = {
      {"pools", Goal::pools}, {"matches", Goal::matches}, {"select", Goal::recipes}};
  add_command(line, "synthesize", "write pools, play the matches, choose and filter pairs, mix them", synthesize)
      ->add_option_function<std::string>(
          "--phase", [synthesize, phases](const std::string& phase) { *synthesize = {phases.at(phase)}; },
          "stop after: pools, matches or select (default: select)")
      ->type_name("PHASE")
      ->check(CLI::Validator(
          [phases](const std::string& phase) {
            return std::string(phases.contains(phase) ? "" : "expected pools, matches or select");
          },
          ""));
  add_command(line, "reward", "train the reward models", {Goal::rewards});
  add_command(line, "evaluate", "judge the reward models, print the table and write results.h5", {Goal::evaluation});
}

}  // namespace westofn::jobs
