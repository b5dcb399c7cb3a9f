// SPDX-License-Identifier: Apache-2.0
// westofn run, prepare, sft, preference, synthesize, reward, evaluate: the stages of an experiment.
#include "app/rank_table.h"
#include "app/stage_cost.h"
#include "jobs/experiment.h"
#include "jobs/stage_command.h"
#include "util/error.h"
#include "util/log.h"

namespace westofn::jobs {
namespace {

using chain::Goal;

/// Collective. What it has cost is also told when the job stops in time.
void make(app::JobContext& job, chain::Chain& chain, const app::RunFolder& run) {
  try {
    chain.make();
  } catch (const Error& error) {
    if (error.code() == ExitCode::stopped && job.world.rank() == 0) app::log_costs(run);
    throw;
  }
  if (job.world.rank() == 0) app::log_costs(run);
}

void run_chain(app::JobContext& job, const StageCommand& command) {
  const auto [settings, run] = open_experiment(job, command.options);
  const auto part = command.shards.empty() ? app::ShardPart() : app::ShardPart(command.shards);
  chain::Chain chain(job, run, settings, command.goals, part);
  for (const auto& line : chain.plan()) log_info(line);
  if (command.options.dry_run) return;
  app::log_ranks(job);
  make(job, chain, run);
  log_info("done: " + run.path());
}

void add_command(CommandLine& line, const char* name, const char* help, std::vector<Goal> goals) {
  add_stage_command(line, name, help, std::make_shared<StageCommand>(StageCommand{{}, std::move(goals), {}}));
}

}  // namespace

CLI::App* add_stage_command(CommandLine& line, const char* name, const char* help,
                            const std::shared_ptr<StageCommand>& settings) {
  CLI::App* command = line.app.add_subcommand(name, help);
  add_experiment_options(*command, settings->options);
  command->add_flag("--dry-run", settings->options.dry_run, "print what would be computed, and why, and stop");
  command->callback([&line, settings] {
    line.exit_code = app::run_job(line.common, [&](app::JobContext& job) { run_chain(job, *settings); });
  });
  return command;
}

void add_stage_commands(CommandLine& line) {
  add_command(line, "run", "all stages of an experiment, up to the table and results.h5",
              {Goal::prepare, Goal::policy, Goal::preference, Goal::pools, Goal::matches, Goal::recipes, Goal::rewards,
               Goal::evaluation});
  add_command(line, "prepare", "import human pairs, prompts and demonstrations, and split them", {Goal::prepare});
  add_command(line, "sft", "fine-tune the policy", {Goal::policy});
  add_command(line, "preference", "train the pairwise preference model", {Goal::preference});
  add_synthesize(line);
  add_command(line, "reward", "train the reward models", {Goal::rewards});
  add_command(line, "evaluate", "judge the reward models, print the table and write results.h5", {Goal::evaluation});
}

}  // namespace westofn::jobs
