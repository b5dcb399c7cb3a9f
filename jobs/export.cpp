// SPDX-License-Identifier: Apache-2.0
// westofn export: writes pairs as JSONL rows that other programs train on.
#include <memory>

#include "jobs/jobs.h"
#include "synthesis/export_pairs.h"
#include "util/log.h"

namespace westofn::jobs {
namespace {

struct ExportOptions {
  std::string pairs;
  std::string out;
};

}  // namespace

void add_export(CommandLine& line) {
  auto options = std::make_shared<ExportOptions>();
  CLI::App* command = line.app.add_subcommand(
      "export", "write the kept pairs of a recipe, human pairs, or a mixture as JSONL rows (TRL, explicit prompt)");
  command
      ->add_option("--pairs", options->pairs,
                   "the folder of a recipe, its mixture.h5 (training order), or a pairs-*.h5 file")
      ->required()
      ->type_name("PATH")
      ->check(not_empty());
  command->add_option("--out", options->out, "a new JSONL file")->required()->type_name("FILE")->check(not_empty());
  command->callback([&line, options] {
    line.exit_code = app::run_local(line.common, [&] {
      const std::int64_t rows = synthesis::export_pairs(options->pairs, options->out);
      log_info(std::to_string(rows) + " pairs written to " + options->out);
    });
  });
}

}  // namespace westofn::jobs
