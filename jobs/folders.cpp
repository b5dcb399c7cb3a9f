// SPDX-License-Identifier: Apache-2.0
// westofn inspect, status and clean: what is in files and folders. None of them needs ranks.
#include <cstdio>
#include <filesystem>
#include <memory>

#include "app/inspect.h"
#include "app/status.h"
#include "chain/model_folder.h"
#include "io/manifest.h"
#include "jobs/jobs.h"
#include "util/log.h"
#include "util/text.h"

namespace westofn::jobs {
namespace {

/// Whether a folder holds a model; a stage that is not complete is not opened.
bool is_model_folder(const std::string& path) {
  if (!io::file_status(path + "/config.json")) return false;
  return io::has_manifest(path) || !app::is_stage_name(std::filesystem::path(path).filename().string());
}

std::string describe(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  if (!is_model_folder(path)) return app::inspect(path);
  const std::string stage = io::has_manifest(path) ? app::inspect(path) + "\n" : "";
  return stage + chain::describe_model_folder(path);
}

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
    line.exit_code = app::run_local(line.common, [&] { std::fputs(describe(*path).c_str(), stdout); });
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

/// Removes one stage, or leaves it alone, and says what came of it.
const char* clean_up(const app::RunFolder& run, const app::Leftover& leftover) {
  switch (app::remove_leftover(run, leftover.name)) {
    case app::Removal::removed: return "removed";
    case app::Removal::in_work: return "in work: skipped";
    case app::Removal::finished: return "finished meanwhile: kept";
  }
  return "";
}

enum class CleanMode { list, remove };

void clean(const app::RunFolder& run, CleanMode mode) {
  const auto leftovers = app::find_leftovers(run);
  if (leftovers.empty()) return log_info("nothing to remove");
  for (const auto& leftover : leftovers) {
    const char* listed = leftover.in_work ? "in work" : leftover.why.c_str();
    std::printf("%s  %s, %s\n", printable(leftover.path, 1000).c_str(), human_bytes(leftover.bytes).c_str(),
                mode == CleanMode::list ? listed : clean_up(run, leftover));
  }
  if (mode == CleanMode::list) log_info("nothing was removed; `--yes` removes what is not in work");
}

void add_clean(CommandLine& line) {
  auto path = std::make_shared<std::string>();
  auto really = std::make_shared<bool>(false);
  CLI::App* command =
      line.app.add_subcommand("clean", "list, and with --yes remove, the stages of a run that never finished");
  command->add_option("run-dir", *path, "the run folder")->required()->type_name("DIR")->check(not_empty());
  command->add_flag("--yes", *really, "remove them; without it they are only listed");
  command->callback([&line, path, really] {
    line.exit_code = app::run_local(
        line.common, [&] { clean(app::RunFolder(*path), *really ? CleanMode::remove : CleanMode::list); });
  });
}

}  // namespace

void add_folder_commands(CommandLine& line) {
  add_inspect(line);
  add_status(line);
  add_clean(line);
}

}  // namespace westofn::jobs
