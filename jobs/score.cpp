// SPDX-License-Identifier: Apache-2.0
// westofn score: likelihoods, preferences or rewards for the rows of a file.
#include "synthesis/score_file.h"

#include <memory>

#include "jobs/jobs.h"
#include "jobs/runtime_options.h"
#include "util/log.h"

namespace westofn::jobs {
namespace {

using scoring::ScoreKind;

void add_kind(CLI::App& command, std::optional<ScoreKind>& kind) {
  const auto set = [&kind](const std::string& text) {
    for (const auto& entry : config::EnumNames<ScoreKind>::table) {
      if (entry.name == text) kind = entry.value;
    }
  };
  command
      .add_option_function<std::string>("--kind", set,
                                        "likelihood, pairwise or pointwise (default: what westofn.json of the model "
                                        "says)")
      ->type_name("KIND")
      ->check(CLI::IsMember(config::enum_names<ScoreKind>()));
}

void add_format_options(CLI::App& command, synthesis::ScoreFileSettings& s) {
  command
      .add_option("--template", s.template_text,
                  "input of the model, with {prompt} and {a}, {b} (pairwise) or {response} (pointwise)")
      ->type_name("TEXT");
  command.add_option("--label-tokens", s.label_tokens, "the two labels of a pairwise model (default A,B)")
      ->type_name("A,B");
  command
      .add_option("--max-input-tokens", s.max_input_tokens,
                  "prompts are cut so that inputs have at most so many tokens (default: no limit)")
      ->type_name("N")
      ->check(number_between(2, 1e9));
}

}  // namespace

void add_score(CommandLine& line) {
  auto options = std::make_shared<synthesis::ScoreFileSettings>();
  CLI::App* command = line.app.add_subcommand("score", "add the scores of a T5 model to the rows of a file");
  command->add_option("--model", options->model, "T5 folder in Hugging Face format")
      ->required()
      ->type_name("DIR")
      ->check(not_empty());
  add_kind(*command, options->kind);
  command
      ->add_option("--data", options->data,
                   "JSONL with rows {\"prompt\", \"response\"}, {\"prompt\", \"a\", \"b\"} (pairwise) or {\"prompt\", "
                   "\"chosen\", \"rejected\"}")
      ->required()
      ->type_name("FILE")
      ->check(not_empty());
  command->add_option("--out", options->out, "a new JSONL file")->required()->type_name("FILE")->check(not_empty());
  add_format_options(*command, *options);
  add_runtime_options(*command, options->runtime);
  command->callback([&line, options] {
    line.exit_code = app::run_job(line.common, [&](app::JobContext& job) {
      synthesis::score_file(job, *options);
      log_info("written to " + options->out);
    });
  });
}

}  // namespace westofn::jobs
