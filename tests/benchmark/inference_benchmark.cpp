// SPDX-License-Identifier: Apache-2.0
// Our worker of compare.py: loads a model once, prints "ready", then answers every line "go" with one JSON line about
// one measured run, until "quit".
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "benchmark/benchmark_main.h"
#include "benchmark/process_use.h"
#include "generation/generate.h"
#include "inference/engine.h"
#include "io/file.h"
#include "io/json_text.h"
#include "model/runtime.h"
#include "scoring/scores.h"
#include "tokenizer/tokenizer.h"
#include "util/clock.h"

namespace westofn {
namespace {

using benchmark::cpu_seconds;
using benchmark::peak_rss_mib;

enum class Mode { generate, score };

struct WorkerSettings {
  std::string model;
  std::string work;  ///< JSON: a list of lists of token ids
  Mode mode = Mode::generate;
  std::int64_t n = 64;           ///< samples of a prompt
  std::int64_t new_tokens = 48;  ///< of every sample, no more and no fewer
  std::int64_t batch = 0;        ///< prompts or sequences at once; 0: as the library likes it
  std::vector<tokenizer::TokenId> labels = {71, 272};
  std::uint64_t seed = 1;
  model::RuntimeSettings runtime;
};

using Work = std::vector<tokenizer::Tokens>;

/// The model and what is asked of it: the only part that knows the functions under test.
class Subject {
 public:
  explicit Subject(const WorkerSettings& settings)
      : settings_(settings),
        engine_(inference::Engine::load(settings.model, model::start_runtime(settings.runtime, 0))),
        tokenizer_(tokenizer::Tokenizer::load(settings.model, engine_.config().vocab_size)) {}

  [[nodiscard]] nlohmann::json run(const Work& work, std::int64_t new_tokens) const {
    return settings_.mode == Mode::generate ? generate(work, new_tokens) : score(work);
  }

 private:
  [[nodiscard]] nlohmann::json generate(const Work& work, std::int64_t new_tokens) const {
    std::vector<generation::PromptInput> prompts;
    for (const auto& tokens : work) prompts.push_back({std::to_string(prompts.size()), tokens});
    generation::SamplingSettings sampling;
    sampling.n = settings_.n;
    sampling.temperature = 0.7;
    sampling.max_new_tokens = sampling.min_new_tokens = new_tokens;
    sampling.seed = settings_.seed;
    generation::GenerationRun run;
    if (settings_.batch > 0) run.rows = settings_.batch * settings_.n;
    const auto pools = generation::generate(engine_, tokenizer_, prompts, sampling, run);
    std::size_t written = 0;
    std::set<tokenizer::Tokens> distinct;
    for (const auto& pool : pools) {
      for (const Sample& sample : pool) {
        written += sample.tokens.size();
        distinct.insert(sample.tokens);
      }
    }
    return {{"new_tokens", written}, {"distinct", distinct.size()}};
  }

  [[nodiscard]] nlohmann::json score(const Work& work) const {
    scoring::ScoringRun run;
    if (settings_.batch > 0) run.limits.max_rows = settings_.batch;
    return {{"probabilities",
             scoring::label_probabilities(engine_, work, settings_.labels.at(0), settings_.labels.at(1), run)}};
  }

  const WorkerSettings& settings_;
  inference::Engine engine_;
  tokenizer::Tokenizer tokenizer_;
};

Work read_work(const std::string& path) {
  constexpr std::uint64_t cap = 1U << 30U;
  return io::parse_json(io::read_file(path, cap), {path}).get<Work>();
}

nlohmann::json measured_run(const Subject& subject, const Work& work, std::int64_t new_tokens) {
  const double wall = steady_seconds();
  const double cpu = cpu_seconds();
  nlohmann::json answer = subject.run(work, new_tokens);
  answer["seconds"] = steady_seconds() - wall;
  answer["cpu_seconds"] = cpu_seconds() - cpu;
  answer["peak_rss_mib"] = peak_rss_mib();
  return answer;
}

void serve(const WorkerSettings& settings) {
  const Work work = read_work(settings.work);
  const Subject subject(settings);
  const double loaded = peak_rss_mib();
  if (!work.empty()) static_cast<void>(subject.run({work.front()}, 2));  // first calls are slower
  std::cout << "ready" << std::endl;
  for (std::string line; std::getline(std::cin, line) && line != "quit";) {
    nlohmann::json answer = measured_run(subject, work, settings.new_tokens);
    answer["loaded_rss_mib"] = loaded;
    std::cout << answer.dump() << std::endl;
  }
}

int run(int argc, char** argv) {
  WorkerSettings settings;
  settings.runtime.device = model::DeviceChoice::cpu;
  const std::map<std::string, Mode> modes = {{"generate", Mode::generate}, {"score", Mode::score}};
  const std::map<std::string, model::ComputeType> types = {{"float32", model::ComputeType::float32},
                                                           {"bfloat16", model::ComputeType::bfloat16}};
  CLI::App app("Measures generation or scoring; told what to do by compare.py.", "inference_benchmark");
  app.add_option("--model", settings.model)->required();
  app.add_option("--work", settings.work)->required();
  app.add_option("--mode", settings.mode)->transform(CLI::CheckedTransformer(modes));
  app.add_option("--dtype", settings.runtime.dtype)->transform(CLI::CheckedTransformer(types));
  app.add_option("--n", settings.n);
  app.add_option("--new-tokens", settings.new_tokens);
  app.add_option("--batch", settings.batch);
  app.add_option("--labels", settings.labels)->expected(2);
  app.add_option("--seed", settings.seed);
  app.add_option("--threads", settings.runtime.threads);
  CLI11_PARSE(app, argc, argv);
  serve(settings);
  return 0;
}

}  // namespace
}  // namespace westofn

int main(int argc, char** argv) {
  return westofn::benchmark::guarded("inference_benchmark", [&] { return westofn::run(argc, argv); });
}
