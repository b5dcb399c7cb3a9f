// SPDX-License-Identifier: Apache-2.0
// westofn inspect, status and clean: what is in files and folders. None of them needs ranks.
#include <cstdio>
#include <memory>

#include "app/inspect.h"
#include "app/status.h"
#include "jobs/jobs.h"
#include "util/log.h"
#include "util/text.h"

namespace westofn::jobs {
namespace {

void add_inspect(CommandLine& line) {
  auto path = std::make_shared<std::string>();
  CLI::App* command =
      line.app.add_subcommand("inspect", "what a file or folder is, what is in it, and whether it is whole");
  command
      ->add_option("path", *path, "a run or model folder, a stage, or a .h5, .jsonl(.gz), .safetensors or .json file")
      ->required()
      ->type_name("PATH")
      ->check(not_empty());
  command->callback([&line, path] {
    line.exit_code = app::run_local(line.common, [&] { std::fputs(app::inspect(*path).c_str(), stdout); });
  });
}

void add_status(CommandLine& line) {
  auto path = std::make_shared<std::string>();
  CLI::App* command = line.app.add_subcommand("status", "how far a run is, also while it runs");
  command->add_option("run-dir", *path, "the run folder")->required()->type_name("DIR")->check(not_empty());
  command->callback([&line, path] {
    line.exit_code =
        app::run_local(line.common, [&] { std::fputs(app::run_status(app::RunFolder(*path)).c_str(), stdout); });
  });
}

void add_clean(CommandLine& line) {
  auto path = std::make_shared<std::string>();
  auto really = std::make_shared<bool>(false);
  CLI::App* command =
      line.app.add_subcommand("clean", "list, and with --yes remove, the stages of a run that never finished");
  command->add_option("run-dir", *path, "the run folder")->required()->type_name("DIR")->check(not_empty());
  command->add_flag("--yes", *really, "remove them; without it they are only listed");
  command->callback([&line, path, really] {
    line.exit_code = app::run_local(line.common, [&] {
      const auto leftovers = app::find_leftovers(app::RunFolder(*path));
      for (const auto& leftover : leftovers) {
        std::printf("%s  %s, %s\n", leftover.path.c_str(), leftover.why.c_str(), human_bytes(leftover.bytes).c_str());
      }
      if (leftovers.empty()) return log_info("nothing to remove");
      if (!*really) return log_info("nothing was removed; `--yes` removes them");
      app::remove_leftovers(leftovers);
      log_info("removed");
    });
  });
}

}  // namespace

void add_folder_commands(CommandLine& line) {
  add_inspect(line);
  add_status(line);
  add_clean(line);
}

}  // namespace westofn::jobs
