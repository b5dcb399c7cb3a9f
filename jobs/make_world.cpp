// SPDX-License-Identifier: Apache-2.0
// westofn make-world: writes a small world with simulated humans and a gold reward, for trying things out.
#include <memory>

#include "jobs/jobs.h"
#include "util/log.h"
#include "world/statistics.h"
#include "world/toy_world.h"
#include "world/write_toy_world.h"

namespace westofn::jobs {
namespace {

struct MakeWorldOptions {
  std::string kind;
  std::string out;
  std::uint64_t seed = 1;
};

}  // namespace

void add_make_world(CommandLine& line) {
  auto options = std::make_shared<MakeWorldOptions>();
  CLI::App* command =
      line.app.add_subcommand("make-world", "write the toy world: posts, demonstrations, simulated labels");
  command->add_option("kind", options->kind, "which world: toy")
      ->required()
      ->type_name("KIND")
      ->check(CLI::Validator(
          [](const std::string& kind) { return std::string(kind == "toy" ? "" : "there is only the world 'toy'"); },
          ""));
  command->add_option("--out", options->out, "a new folder for the JSONL files")
      ->required()
      ->type_name("DIR")
      ->check(not_empty());
  command->add_option("--seed", options->seed, "another seed is another world (default 1)")
      ->type_name("N")
      ->check(whole_number());
  command->callback([&line, options] {
    line.exit_code = app::run_local(line.common, [&] {
      const world::ToyWorldSettings settings{.seed = options->seed};
      world::make_new_folder(options->out);
      world::write_toy_world(settings, options->out);
      log_info(world::describe_toy_world(settings, world::measure_toy_world(settings, 2000)));
      log_info("written to " + options->out + "; use it in an experiment as `data: {world: {seed: " +
               std::to_string(options->seed) + "}}`, or its files under `pairs`, `prompts` and `demonstrations`");
    });
  });
}

}  // namespace westofn::jobs
