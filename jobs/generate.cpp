// SPDX-License-Identifier: Apache-2.0
// westofn generate: samples of a policy for a file of prompts.
#include "synthesis/generate_file.h"

#include <memory>

#include "jobs/jobs.h"
#include "jobs/runtime_options.h"
#include "util/log.h"

namespace westofn::jobs {
namespace {

void add_sampling_options(CLI::App& command, synthesis::GenerationSettings& s) {
  const auto number = [&](const char* name, auto& value, const char* help, double low, double high) {
    command.add_option(name, value, help)->type_name("N")->check(number_between(low, high));
  };
  number("--n", s.n, "samples for each prompt (default 64)", 1, 65536);
  number("--temperature", s.temperature, "divides the logits; 0: the likeliest token (default 0.7)", 0, 100);
  number("--top-k", s.top_k, "draw among so many of the likeliest tokens; 0: among all (default)", 0, 1e9);
  number("--top-p", s.top_p, "draw among the likeliest tokens with this probability; 1: among all (default)", 1e-9, 1);
  number("--max-new-tokens", s.max_new_tokens, "tokens of a sample, with the end token (default 128)", 1, 65536);
  number("--min-new-tokens", s.min_new_tokens, "no sample ends before it has so many tokens (default 0)", 0, 65536);
  command.add_option("--max-input-tokens", s.max_input_tokens, "longer prompts lose their end (default: no limit)")
      ->type_name("N")
      ->check(number_between(2, 1e9));
}

}  // namespace

void add_generate(CommandLine& line) {
  auto options = std::make_shared<synthesis::GenerateFileSettings>();
  options->generation.max_input_tokens.reset();
  options->generation.cut = tokenizer::CutPrompt::end;
  CLI::App* command = line.app.add_subcommand("generate", "write samples of a T5 policy for a file of prompts");
  command->add_option("--policy", options->policy, "T5 folder in Hugging Face format")
      ->required()
      ->type_name("DIR")
      ->check(not_empty());
  command->add_option("--prompts", options->prompts, "JSONL with rows {\"id\"?, \"prompt\"}")
      ->required()
      ->type_name("FILE")
      ->check(not_empty());
  command->add_option("--out", options->out, "a new JSONL file")->required()->type_name("FILE")->check(not_empty());
  add_sampling_options(*command, options->generation);
  command->add_option("--seed", options->seed, "of the random numbers (default 1)")
      ->type_name("N")
      ->check(whole_number());
  add_runtime_options(*command, options->runtime);
  command->callback([&line, options] {
    line.exit_code = app::run_job(line.common, [&](app::JobContext& job) {
      synthesis::generate_file(job, *options);
      log_info("written to " + options->out);
    });
  });
}

}  // namespace westofn::jobs
