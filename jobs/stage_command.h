// SPDX-License-Identifier: Apache-2.0
// A command that makes stages of an experiment.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "chain/chain.h"
#include "jobs/jobs.h"

namespace westofn::jobs {

struct StageCommand {
  ExperimentOptions options;
  std::vector<chain::Goal> goals;
  std::string shards;  ///< part of the shards; empty: all
};

/// Declares a command that prints the plan of its goals, then makes what it says. `settings` live as long as the line.
CLI::App* add_stage_command(CommandLine& line, const char* name, const char* help,
                            const std::shared_ptr<StageCommand>& settings);

void add_synthesize(CommandLine& line);

}  // namespace westofn::jobs
