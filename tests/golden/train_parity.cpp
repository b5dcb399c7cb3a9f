// SPDX-License-Identifier: Apache-2.0
// Trains as train_parity.py asks: train_parity JOBS.json. For each job the trainer runs the objective on given token
// ids and writes the weights and the loss of every step, "losses", as float64.
#include <ATen/Parallel.h>
#include <ATen/ops/tensor.h>

#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "app/run_job.h"
#include "app/stage.h"
#include "comm/device/device_group.h"
#include "comm/typed.h"
#include "config/config.h"
#include "io/file.h"
#include "io/json_text.h"
#include "io/safetensors_writer.h"
#include "model/reward_model.h"
#include "support/temporary_folder.h"
#include "training/preference_task.h"
#include "training/reward_task.h"
#include "training/sft_task.h"
#include "training/trainer.h"

namespace westofn {
namespace {

using Json = nlohmann::json;
using Rows = std::vector<std::pair<tokenizer::Tokens, tokenizer::Tokens>>;

/// A job and the model that it trains.
class Job {
 public:
  explicit Job(const Json& json)
      : json_(json),
        settings_(
            config::read<training::TrainSettings>(config::Document(json.at("train").get<std::string>(), "train"))),
        dtype_(json.at("dtype") == "float64" ? at::kDouble : at::kFloat),
        model_{model::T5::load(json.at("model"), {at::kCPU, dtype_}), head(), {}},
        task_(make_task()) {}

  [[nodiscard]] training::Task& task() { return *task_; }
  [[nodiscard]] training::TrainerOptions options() const {
    training::TrainerOptions options;
    options.settings = settings_;
    options.runtime.micro_batch = json_.at("micro_batch");
    options.runtime.checkpoint_minutes = 1e6;
    options.seed = json_.at("seed");
    return options;
  }
  [[nodiscard]] std::string out() const { return json_.at("out"); }

 private:
  [[nodiscard]] model::RewardHead head() const {
    const auto numbers = json_.at("head").get<std::vector<double>>();
    return {at::tensor(numbers, dtype_), at::tensor({0.0}, dtype_)};
  }

  [[nodiscard]] std::unique_ptr<training::Task> make_task() {
    const auto rows = json_.at("rows").get<Rows>();
    auto batches = dataset::cycled(json_.at("order").get<std::vector<std::int64_t>>(), settings_.batch);
    const std::string objective = json_.at("objective");
    if (objective == "sft") {
      std::vector<training::TextExample> examples;
      for (const auto& [input, target] : rows) examples.push_back({input, target});
      return std::make_unique<training::SftTask>(
          model_.t5, training::SftTask::Data{std::move(examples), {}, std::move(batches)}, model::BatchLimits{});
    }
    std::vector<training::PairExample> pairs;
    for (const auto& [first, second] : rows) pairs.push_back({first, second});
    training::PairTask::Data data{std::move(pairs), {}, std::move(batches)};
    if (objective == "reward") {
      return std::make_unique<training::RewardTask>(model_, std::move(data), model::BatchLimits{});
    }
    const auto labels = json_.at("labels").get<std::vector<tokenizer::TokenId>>();
    return std::make_unique<training::PreferenceTask>(model_.t5, training::LabelTokens{labels.at(0), labels.at(1)},
                                                      std::move(data), model::BatchLimits{});
  }

  const Json& json_;
  training::TrainSettings settings_;
  at::ScalarType dtype_;
  model::RewardModel model_;
  std::unique_ptr<training::Task> task_;
};

void write(const std::string& path, const training::TrainingResult& result) {
  std::vector<double> losses;
  for (const auto& point : result.curve) {
    if (point.step > 0) losses.push_back(point.loss);
  }
  std::vector<model::Parameter> values = result.best_weights;
  values.push_back({"losses", at::tensor(losses, at::kDouble)});
  for (auto& [name, value] : values) value = value.to(at::kDouble).contiguous();
  std::vector<io::NamedTensor> tensors;
  for (const auto& [name, value] : values) {
    const std::span numbers(value.const_data_ptr<double>(), static_cast<std::size_t>(value.numel()));
    tensors.push_back({name, {io::DType::f64, value.sizes().vec(), std::as_bytes(numbers)}});
  }
  io::write_safetensors(path, tensors, {});
}

/// Collective. Every job in a run folder of its own.
void train(app::JobContext& context, const Json& jobs, const std::string& folder) {
  for (const Json& json : jobs) {
    Job job(json);
    const app::RunFolder run(folder + "/" + json.at("name").get<std::string>());
    if (context.world.rank() == 0) run.make();
    context.world.barrier();
    const app::StageSpec spec{"parity", 1, "", {}};
    app::StageRun stage(context, run, spec, nullptr);
    const auto group = comm::make_device_group(context.world, at::kCPU);
    const training::TrainingResult result = training::train(stage, *group, job.task(), job.options());
    group->close();
    if (context.world.rank() == 0) write(job.out(), result);
  }
}

int run(const std::string& path) {
  at::set_num_threads(1);
  constexpr std::uint64_t cap = 1U << 28U;
  const Json jobs = io::parse_json(io::read_file(path, cap), {path});
  app::CommonOptions options;
  options.verbosity = Verbosity::quiet;
  return app::run_job(options, [&](app::JobContext& context) {
    std::unique_ptr<testing::TemporaryFolder> folder;
    if (context.world.rank() == 0) folder = std::make_unique<testing::TemporaryFolder>();
    train(context, jobs, comm::broadcast_string(context.world, folder ? folder->path().string() : "", 0));
    context.world.barrier();  // before the folder goes away
  });
}

}  // namespace
}  // namespace westofn

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: train_parity JOBS.json\n";
    return 2;
  }
  try {
    return westofn::run(argv[1]);
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
