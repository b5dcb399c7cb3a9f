// SPDX-License-Identifier: Apache-2.0
// What the files of this folder share: each declares its commands and what they do when they are called.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "app/run_job.h"

namespace westofn::jobs {

/// The command line while it is being read, and its result.
struct CommandLine {
  CLI::App app;
  app::CommonOptions common;
  int exit_code = 0;
};

/// The experiment file and where its results go, as every stage command takes them.
struct ExperimentOptions {
  std::string file;
  std::vector<std::string> overrides;
  std::string run_dir;
  bool dry_run = false;
};
/// Local. Checks of option values; like every error of the command line, a wrong one ends with code 2.
[[nodiscard]] CLI::Validator number_between(double low, double high);  ///< NaN is refused
[[nodiscard]] CLI::Validator positive_number();                        ///< NaN and infinity are refused
[[nodiscard]] CLI::Validator whole_number();                           ///< decimal digits, at most 64 bits
[[nodiscard]] CLI::Validator not_empty();

void add_experiment_options(CLI::App& command, ExperimentOptions& options);

void add_stage_commands(CommandLine& line);  ///< run, prepare, sft, preference, synthesize, reward, evaluate
void add_generate(CommandLine& line);
void add_score(CommandLine& line);
void add_export(CommandLine& line);
void add_make_world(CommandLine& line);
void add_validate(CommandLine& line);
void add_estimate(CommandLine& line);
void add_folder_commands(CommandLine& line);  ///< inspect, status, clean
void add_doctor(CommandLine& line);

}  // namespace westofn::jobs
