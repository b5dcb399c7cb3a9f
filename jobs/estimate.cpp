// SPDX-License-Identifier: Apache-2.0
// westofn estimate: memory, work, disk and hours of an experiment, or what one prompt costs with a model.
#include <cstdio>
#include <memory>

#include "chain/estimate/estimate.h"
#include "chain/estimate/model_costs.h"
#include "config/types.h"
#include "jobs/experiment.h"
#include "jobs/jobs.h"
#include "util/error.h"

namespace westofn::jobs {
namespace {

/// As on the command line: GB, TFLOP/s and GB/s.
struct EstimateCommand {
  ExperimentOptions experiment;
  std::string model;
  int ranks = 1;
  std::optional<double> memory, tflops, tokens_per_second, bandwidth, hours_per_job;
  chain::GivenSize given;
  std::int64_t n = chain::CostQuestion{}.n;
  std::string dtype = std::string(config::enum_name(model::ComputeType::bfloat16));
  bool json = false;
};

std::optional<double> scaled(const std::optional<double>& value, double factor) {
  return value ? std::optional(*value * factor) : std::nullopt;
}

std::string of_experiment(const EstimateCommand& command) {
  const chain::Experiment experiment = read_experiment(command.experiment);
  const chain::EstimateOptions options{command.ranks,
                                       scaled(command.memory, 1e9),
                                       scaled(command.tflops, 1e12),
                                       command.tokens_per_second,
                                       scaled(command.bandwidth, 1e9),
                                       command.hours_per_job};
  const auto data = chain::measure_data(experiment, command.experiment.run_dir, command.given);
  const auto estimate = chain::make_estimate(experiment, data, options);
  return command.json ? to_json(estimate) : to_text(estimate);
}

std::string of_model(const EstimateCommand& command) {
  chain::CostQuestion question;
  question.prompt_tokens = command.given.prompt_tokens.value_or(question.prompt_tokens);
  question.response_tokens = command.given.response_tokens.value_or(question.response_tokens);
  question.n = command.n;
  question.memory_bytes = scaled(command.memory, 1e9);
  for (const auto& entry : config::EnumNames<model::ComputeType>::table) {
    if (entry.name == command.dtype) question.runtime.dtype = entry.value;
  }
  const auto costs = chain::model_costs(model::read_t5_config(command.model), question);
  return command.json ? to_json(command.model, question, costs) : to_text(command.model, question, costs);
}

/// Options that a number above 0 follows.
template <class Value>
CLI::Option* add_number(CLI::App& command, const std::string& name, Value& value, const std::string& help) {
  return command.add_option(name, value, help)->type_name("X")->check(positive_number());
}
template <class Value>
CLI::Option* add_count(CLI::App& command, const std::string& name, Value& value, const std::string& help) {
  return command.add_option(name, value, help)->type_name("N")->check(number_between(1, 1e12));
}

void add_options(CLI::App& app, EstimateCommand& command) {
  add_experiment_options(app, command.experiment);
  app.get_option("experiment")->required(false);
  CLI::Option* model = app.add_option("--model", command.model, "a T5 folder instead of an experiment: what it costs");
  model->type_name("DIR")->check(not_empty());
  app.add_option("--dtype", command.dtype, "with --model: float32 or bfloat16 (default); else runtime.dtype counts")
      ->type_name("NAME")
      ->check(CLI::IsMember(config::enum_names<model::ComputeType>()))
      ->needs(model);
  add_count(app, "--n", command.n, "with --model: responses of a prompt (default 64)")->needs(model);
  add_number(app, "--memory", command.memory, "GB (10^9 bytes) of a device that tensors can use: what fits");
  add_number(app, "--prompt-tokens", command.given.prompt_tokens, "mean tokens of a prompt (default: measured)");
  add_number(app, "--response-tokens", command.given.response_tokens, "mean tokens of a response (likewise)");
  app.add_flag("--json", command.json, "print JSON: bytes, operations, tokens, hours");
  for (CLI::Option* option :
       {app.add_option("--ranks", command.ranks, "ranks of the job, one a GPU (default 1)")
            ->type_name("N")
            ->check(number_between(1, 1e6)),
        add_count(app, "--prompts", command.given.prompts, "unlabelled prompts (default: counted)"),
        add_count(app, "--pairs", command.given.pairs, "human pairs before they are split (likewise)"),
        add_number(app, "--tflops", command.tflops, "10^12 operations a second that a rank reaches: gives hours"),
        add_number(app, "--tokens-per-second", command.tokens_per_second, "that a rank writes, where it is known"),
        add_number(app, "--bandwidth", command.bandwidth, "GB a second to and from a rank: adds messages to hours"),
        add_number(app, "--hours-per-job", command.hours_per_job, "limit of a job: gives the number of jobs"),
        app.get_option("experiment"), app.get_option("--set"), app.get_option("--run-dir")}) {
    option->excludes(model);
  }
}

}  // namespace

void add_estimate(CommandLine& line) {
  auto command = std::make_shared<EstimateCommand>();
  CLI::App* app = line.app.add_subcommand(
      "estimate", "memory, work, disk and hours of an experiment on a number of ranks, before it is submitted");
  add_options(*app, *command);
  app->callback([&line, command] {
    line.exit_code = app::run_local(line.common, [&] {
      if (command->model.empty() && command->experiment.file.empty()) {
        throw ConfigError("estimate needs an experiment file, or --model DIR (see `westofn estimate --help`)");
      }
      std::fputs((command->model.empty() ? of_experiment(*command) : of_model(*command)).c_str(), stdout);
    });
  });
}

}  // namespace westofn::jobs
