// SPDX-License-Identifier: Apache-2.0
// westofn synthesize: pools, matches and pairs, as a whole or in phases and parts.
#include <map>

#include "jobs/stage_command.h"
#include "util/error.h"

namespace westofn::jobs {
namespace {

using chain::Goal;

const std::map<std::string, Goal> phases = {
    {"pools", Goal::pools}, {"matches", Goal::matches}, {"select", Goal::recipes}};

std::string phase_problem(const std::string& name) {
  return phases.contains(name) ? "" : "expected pools, matches or select";
}

std::string shards_problem(const StageCommand& command, const std::string& text) {
  if (command.goals.front() == Goal::recipes) return "expected --phase pools or matches as well";
  try {
    static_cast<void>(app::ShardPart(text));
    return {};
  } catch (const ConfigError& error) {
    return error.what();
  }
}

}  // namespace

void add_synthesize(CommandLine& line) {
  const auto settings = std::make_shared<StageCommand>(StageCommand{{}, {Goal::recipes}, {}});
  CLI::App* command = add_stage_command(line, "synthesize",
                                        "write pools, play the matches, choose and filter pairs, mix them", settings);
  command
      ->add_option_function<std::string>(
          "--phase", [settings](const std::string& name) { settings->goals = {phases.at(name)}; },
          "stop after: pools, matches or select (default: select)")
      ->type_name("PHASE")
      ->check(CLI::Validator(phase_problem, ""));
  command
      ->add_option(
          "--shards", settings->shards,
          "with --phase pools or matches, for job arrays: make only shards A to before B (A:B), or piece K of N "
          "(K/N, from 0); the job that makes the last one completes the phase")
      ->type_name("PART")
      ->check(CLI::Validator([settings](const std::string& text) { return shards_problem(*settings, text); }, ""));
}

}  // namespace westofn::jobs
