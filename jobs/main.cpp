// SPDX-License-Identifier: Apache-2.0
// westofn: reads the command line and calls the command.
#include <algorithm>
#include <cstdio>
#include <iterator>

#include "app/build_info.h"
#include "jobs/jobs.h"
#include "util/error.h"
#include "util/text.h"

namespace westofn::jobs {
namespace {

constexpr const char* about =
    "westofn makes reward models better without new human labels (West-of-N, arXiv 2401.12086).\n"
    "Start it alone, or on many ranks: mpirun -n 2 westofn run EXPERIMENT.yaml\n";

constexpr const char* footer =
    "Options may stand before or after the command.\n"
    "`westofn COMMAND --help` tells more of a command; `westofn validate --reference` lists all keys of an "
    "experiment.\n"
    "Exit codes: 0 done, 2 usage or configuration, 3 input data, 4 storage, 5 communication, 70 internal error,\n"
    "85 stopped in time (run the same command again to go on).";

constexpr const char* command_footer =
    "Options of every command, told by `westofn --help`: -q, -v, --deadline SECONDS, --max-hours HOURS.";

void add_common_options(CommandLine& line) {
  CLI::Option* quiet = line.app.add_flag_callback(
      "-q,--quiet", [&] { line.common.verbosity = Verbosity::quiet; }, "print warnings and errors only");
  line.app
      .add_flag_callback(
          "-v,--verbose", [&] { line.common.verbosity = Verbosity::verbose; }, "print details")
      ->excludes(quiet);
  line.app
      .add_option("--deadline", line.common.deadline_s,
                  "seconds after which a rank without a sign of progress ends the job (default 600)")
      ->type_name("SECONDS")
      ->check(number_between(1, 1e6));
  line.app
      .add_option("--max-hours", line.common.max_hours,
                  "stop in time before this many hours have passed (default: the end of the Slurm job)")
      ->type_name("HOURS")
      ->check(number_between(0, 1e5));
}

/// "unknown command 'prepar'; did you mean 'prepare'?" and the like.
std::string describe_unknown(const char* what, const std::string& found, const std::vector<std::string>& known) {
  const auto nearest = nearest_name(found.substr(0, 100), known);
  return std::string("unknown ") + what + " '" + printable(found, 60) + "'" +
         (nearest ? "; did you mean '" + *nearest + "'?" : "");
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

std::string describe_error(const CLI::App& app, const CLI::ParseError& error) {
  const auto chosen = app.get_subcommands();
  const auto rest = app.remaining(true);
  if (!rest.empty() && rest.front().starts_with('-')) {
    std::vector<std::string> known = option_names(app);
    for (const auto* command : chosen) std::ranges::copy(option_names(*command), std::back_inserter(known));
    return describe_unknown("option", rest.front(), known);
  }
  if (!chosen.empty()) return printable(error.what(), 300);
  std::vector<std::string> commands;
  for (const auto* command : app.get_subcommands({})) commands.push_back(command->get_name());
  if (!rest.empty()) return describe_unknown("command", rest.front(), commands);
  if (error.get_name() == "RequiredError") return "no command is given; commands: " + join_text(commands, ", ");
  return printable(error.what(), 300);
}

/// Prints what is wrong with the command line and returns the exit code.
int refuse(const CLI::App& app, const CLI::ParseError& error) {
  const auto chosen = app.get_subcommands();
  const std::string help = chosen.empty() ? "westofn --help" : "westofn " + chosen.front()->get_name() + " --help";
  std::fprintf(stderr, "westofn: error: %s (see `%s`)\n", describe_error(app, error).c_str(), help.c_str());
  return static_cast<int>(ExitCode::usage);
}

int run(int argc, char** argv) {
  CommandLine line;
  line.app.description(about);
  line.app.name("westofn");
  line.app.footer(footer);
  line.app.set_version_flag("--version", app::build_description());
  line.app.require_subcommand(1);
  line.app.fallthrough();
  add_common_options(line);
  add_stage_commands(line);
  add_generate(line);
  add_score(line);
  add_export(line);
  add_make_world(line);
  add_validate(line);
  add_estimate(line);
  add_folder_commands(line);
  add_doctor(line);
  line.app.get_formatter()->label("SUBCOMMAND", "COMMAND");
  for (CLI::App* command : line.app.get_subcommands({})) command->group("Commands")->footer(command_footer);
  try {
    line.app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (!app::is_first_process()) return static_cast<int>(ExitCode::done);      // the first one speaks for all
    const bool is_help = dynamic_cast<const CLI::Success*>(&error) != nullptr;  // --help, --version
    return is_help ? line.app.exit(error) : refuse(line.app, error);
  }
  return line.exit_code;
}

}  // namespace
}  // namespace westofn::jobs

int main(int argc, char** argv) { return westofn::jobs::run(argc, argv); }
