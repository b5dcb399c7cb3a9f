// SPDX-License-Identifier: Apache-2.0
// Our worker of compare.py --mode train: whole optimizer steps of the trainer on given token ids. It loads a model,
// makes one step, prints "ready", then answers every line "go" with one JSON line about as many steps as the work has
// batches, until "quit". Under a launcher rank 0 has this conversation and all ranks train.
#include <sched.h>

#include <ATen/ops/tensor.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "app/run_job.h"
#include "app/stage.h"
#include "benchmark/benchmark_main.h"
#include "benchmark/process_use.h"
#include "comm/agree.h"
#include "comm/device/device_group.h"
#include "comm/typed.h"
#include "io/file.h"
#include "io/json_text.h"
#include "model/runtime.h"
#include "support/temporary_folder.h"
#include "training/reward_task.h"
#include "training/trainer.h"
#include "util/clock.h"
#include "util/error.h"

namespace westofn {
namespace {

struct WorkerSettings {
  std::string model;
  std::string work;        ///< JSON: {"head": [d_model numbers], "rows": [token ids: chosen, rejected, chosen, ...]}
  std::int64_t pairs = 2;  ///< of a step
  training::TrainSettings train;
  model::RuntimeSettings runtime;
};

struct Work {
  std::vector<float> head;
  std::vector<training::PairExample> pairs;

  [[nodiscard]] std::size_t tokens() const {
    std::size_t count = 0;
    for (const auto& pair : pairs) count += pair.first.size() + pair.second.size();
    return count;
  }
};

/// Throws DataError if the rows are not the pairs of whole steps.
Work read_work(const std::string& path, std::int64_t pairs_of_step) {
  constexpr std::uint64_t cap = 1U << 30U;
  const nlohmann::json json = io::parse_json(io::read_file(path, cap), {path});
  Work work{json.at("head").get<std::vector<float>>(), {}};
  const auto rows = json.at("rows").get<std::vector<tokenizer::Tokens>>();
  if (rows.empty() || rows.size() % static_cast<std::size_t>(2 * pairs_of_step) != 0) {
    throw DataError(path + ": there are " + std::to_string(rows.size()) +
                    " rows, which is not a multiple of 2 x --pairs");
  }
  for (std::size_t i = 0; i < rows.size(); i += 2) work.pairs.push_back({rows[i], rows[i + 1]});
  return work;
}

/// Leaves the training, which would go on.
struct Finished : std::exception {};

/// The conversation about runs of equally many steps. Collective: rank 0 speaks.
class Conversation {
 public:
  /// `facts` are part of every answer.
  Conversation(comm::Communicator& world, nlohmann::json facts) : world_(world), facts_(std::move(facts)) {}

  /// Waits until a run is asked for, and starts the clocks. Throws Finished on all ranks if none is.
  void begin() {
    std::string line;
    if (world_.rank() == 0) {
      if (!said_ready_) std::cout << "ready" << std::endl;
      if (!std::getline(std::cin, line)) line = "quit";
    }
    said_ready_ = true;
    if (comm::broadcast_string(world_, line, 0) == "quit") throw Finished();
    cpu_ = benchmark::cpu_seconds();
    wall_ = steady_seconds();
  }

  /// Tells about the run that has just ended. `losses`: this rank's part of the mean loss of each step.
  void end(std::vector<double> losses) {
    const double wall = steady_seconds() - wall_;
    const double cpu = benchmark::cpu_seconds() - cpu_;
    const double peak = benchmark::peak_rss_mib();
    world_.all_reduce(losses, comm::ReduceOp::sum);
    nlohmann::json answer = facts_;
    answer["losses"] = losses;
    answer["seconds"] = world_.all_reduce(wall, comm::ReduceOp::max);
    answer["cpu_seconds"] = world_.all_reduce(cpu, comm::ReduceOp::max);
    answer["cpu_seconds_of_all"] = world_.all_reduce(cpu, comm::ReduceOp::sum);
    answer["peak_rss_mib"] = world_.all_reduce(peak, comm::ReduceOp::max);
    answer["peak_rss_mib_of_all"] = world_.all_reduce(peak, comm::ReduceOp::sum);
    if (world_.rank() == 0) std::cout << answer.dump() << std::endl;
  }

 private:
  comm::Communicator& world_;
  nlohmann::json facts_;
  bool said_ready_ = false;
  double cpu_ = 0;
  double wall_ = 0;
};

/// Bradley-Terry training that stands still between runs: a step begins by asking for its batch, so from the first
/// batch of a run to the first one after it lie all of its steps and nothing else.
class TaskInTurns : public training::RewardTask {
 public:
  TaskInTurns(model::RewardModel& model, const Work& work, std::int64_t pairs_of_step, Conversation& conversation)
      : RewardTask(model, {work.pairs, {}, dataset::cycled(numbers(work.pairs.size()), pairs_of_step)}, {}),
        pairs_of_step_(pairs_of_step),
        steps_(static_cast<std::int64_t>(work.pairs.size()) / pairs_of_step),
        conversation_(conversation) {}

  /// Step 0 warms up, with the first batch; run number r has the steps 1 + r * steps and so on.
  [[nodiscard]] std::vector<std::int64_t> batch(std::int64_t step) const override {
    const std::int64_t place = (step - 1) % steps_;
    if (step == next_run_) {
      if (step > 1) conversation_.end(losses_);
      conversation_.begin();
      next_run_ += steps_;
      losses_.clear();
    }
    losses_.push_back(0);
    return RewardTask::batch(std::max<std::int64_t>(place, 0));
  }

  [[nodiscard]] double differentiate(std::span<const std::int64_t> examples, RandomSequence random,
                                     const gradient::GradientSink& sink) override {
    const double loss = RewardTask::differentiate(examples, random, sink);
    losses_.back() += loss / static_cast<double>(pairs_of_step_);
    return loss;
  }

 private:
  static std::vector<std::int64_t> numbers(std::size_t count) {
    std::vector<std::int64_t> numbers(count);
    for (std::size_t i = 0; i < count; ++i) numbers[i] = static_cast<std::int64_t>(i);
    return numbers;
  }

  std::int64_t pairs_of_step_;
  std::int64_t steps_;  ///< of a run
  Conversation& conversation_;
  mutable std::int64_t next_run_ = 1;     ///< its first step
  mutable std::vector<double> losses_{};  ///< of the steps of this run
};

/// Gives every rank its own part of the cores that the launcher allows to all of them. The threads of LibTorch start
/// later and stay on these cores.
void take_own_cores(const comm::Communicator& node) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  std::vector<std::size_t> cores;
  for (std::size_t core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &allowed)) cores.push_back(core);
  }
  const std::size_t share = cores.size() / static_cast<std::size_t>(node.size());
  if (share == 0) return;
  cpu_set_t own;
  CPU_ZERO(&own);
  for (std::size_t i = 0; i < share; ++i) CPU_SET(cores[static_cast<std::size_t>(node.rank()) * share + i], &own);
  sched_setaffinity(0, sizeof own, &own);
}

/// Collective. Trains until there is no more to do.
void serve(app::JobContext& job, const WorkerSettings& settings) {
  take_own_cores(job.node);
  const model::Placement placement = model::start_runtime(settings.runtime, job.node.rank());
  const Work work = read_work(settings.work, settings.pairs);
  model::T5 t5 = model::T5::load(settings.model, placement);
  model::RewardHead head = model::random_head(t5, 1);
  head.weight_D.copy_(at::tensor(work.head));
  model::RewardModel model{std::move(t5), std::move(head), {}};

  Conversation conversation(job.world, {{"pairs", work.pairs.size()},
                                        {"tokens", work.tokens()},
                                        {"ranks", job.world.size()},
                                        {"loaded_rss_mib", benchmark::peak_rss_mib()}});
  TaskInTurns task(model, work, settings.pairs, conversation);
  std::unique_ptr<testing::TemporaryFolder> folder;
  if (job.world.rank() == 0) folder = std::make_unique<testing::TemporaryFolder>();
  const app::RunFolder run(comm::broadcast_string(job.world, folder ? folder->path().string() : "", 0));
  if (folder) run.make();
  const app::StageSpec spec{"benchmark", 1, "", {}};
  app::StageRun stage(job, run, spec, nullptr);
  const auto group = comm::make_device_group(job.world, placement.device);
  try {
    static_cast<void>(training::train(stage, *group, task, {settings.train, settings.runtime, 1}));
  } catch (const Finished&) {
    // "quit"
  }
  group->close();
  job.world.barrier();  // before the folder goes away
}

int run(int argc, char** argv) {
  WorkerSettings settings;
  settings.runtime.device = model::DeviceChoice::cpu;
  settings.runtime.micro_batch = 1;
  settings.runtime.checkpoint_minutes = 1e6;
  const std::map<std::string, model::ComputeType> types = {{"float32", model::ComputeType::float32},
                                                           {"bfloat16", model::ComputeType::bfloat16}};
  const std::map<std::string, training::OptimizerKind> optimizers = {{"adamw", training::OptimizerKind::adamw},
                                                                     {"adafactor", training::OptimizerKind::adafactor}};
  CLI::App app("Measures training of a reward model; told what to do by compare.py.", "training_benchmark");
  app.add_option("--model", settings.model)->required();
  app.add_option("--work", settings.work)->required();
  app.add_option("--dtype", settings.runtime.dtype)->transform(CLI::CheckedTransformer(types));
  app.add_option("--optimizer", settings.train.optimizer)->transform(CLI::CheckedTransformer(optimizers));
  app.add_option("--learning-rate", settings.train.learning_rate);
  app.add_option("--pairs", settings.pairs)->check(CLI::PositiveNumber);
  app.add_option("--micro-batch", settings.runtime.micro_batch)->check(CLI::PositiveNumber);
  app.add_option("--threads", settings.runtime.threads);
  CLI11_PARSE(app, argc, argv);
  settings.train.steps = settings.train.validate_every = 100'000'000;
  constexpr double day_s = 86400;  // rank 0 waits for other programs
  app::CommonOptions options;
  options.verbosity = Verbosity::quiet;
  options.deadline_s = day_s;
  return app::run_job(options, [&](app::JobContext& job) { serve(job, settings); });
}

}  // namespace
}  // namespace westofn

int main(int argc, char** argv) {
  return westofn::benchmark::guarded("training_benchmark", [&] { return westofn::run(argc, argv); });
}
