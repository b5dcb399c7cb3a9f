// SPDX-License-Identifier: Apache-2.0
#include "training/trainer.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <limits>

#include "comm/thread_communicator.h"
#include "support/temporary_folder.h"
#include "support/toy_task.h"
#include "training/checkpoint.h"
#include "training/schedule.h"
#include "util/error.h"

namespace westofn::training {
namespace {

namespace fs = std::filesystem;
using testing::bytes_of;
using ::testing::HasSubstr;
using testing::toy_options;
using testing::ToyTask;

const auto adamw_options = toy_options(OptimizerKind::adamw);
const auto adafactor_options = toy_options(OptimizerKind::adafactor);
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// What a test does to the task of a rank before it is trained.
using Prepare = std::function<void(ToyTask&, int rank)>;

class Trainer : public ::testing::Test {
 protected:
  /// Trains on threads in a run folder; the result of rank 0, after all ranks are seen to have the same.
  TrainingResult run(int ranks, const std::string& name, const TrainerOptions& options, const Prepare& prepare = {}) {
    app::RunFolder(folder_ / name).make();
    const app::StopControl stop(std::nullopt);
    std::vector<TrainingResult> results(static_cast<std::size_t>(ranks));
    losses_ = 0;
    comm::run_threads(ranks, [&](comm::Communicator& world) {
      ToyTask task;
      if (prepare) prepare(task, world.rank());
      auto result = testing::train_toy(world, folder_ / name, task, options, stop);
      for (std::size_t i = 0; i < result.best_weights.size(); ++i) {
        EXPECT_TRUE(at::equal(result.best_weights[i].value, task.parameters()[i].value));
      }
      losses_ += task.losses;
      results[static_cast<std::size_t>(world.rank())] = std::move(result);
    });
    for (const auto& result : results) EXPECT_EQ(bytes_of(result), bytes_of(results[0]));
    return results[0];
  }

  /// The checkpoint folders of a run, oldest first.
  [[nodiscard]] std::vector<fs::path> checkpoints(const std::string& name) const {
    const app::StageSpec spec{"toy", 1, "", {}};
    const fs::path parent = app::RunFolder(folder_ / name).stage(spec.folder_name()) + "/checkpoints";
    std::vector<fs::path> paths;
    if (!fs::exists(parent)) return paths;
    for (const auto& entry : fs::directory_iterator(parent)) paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    return paths;
  }

  /// Trains with a checkpoint at every step until something breaks before this step is done.
  void break_at(std::int64_t step, int ranks, const std::string& name) {
    auto options = adafactor_options;
    options.runtime.checkpoint_minutes = 0;
    EXPECT_THROW(run(ranks, name, options,
                     [&](ToyTask& task, int) {
                       task.on_batch = [&](std::int64_t now) {
                         if (now == step) throw InternalError("broken");
                       };
                     }),
                 InternalError);
  }

  testing::TemporaryFolder folder_;
  std::atomic<int> losses_ = 0;  ///< micro-batches that all ranks of the last run have computed
};

TEST_F(Trainer, GivesTheSameBitsOnAnyNumberOfRanks) {
  for (const auto& options : {adamw_options, adafactor_options}) {
    const std::string kind(config::enum_name(options.settings.optimizer));
    const auto one = run(1, kind + "1", options);
    EXPECT_EQ(one.curve.size(), 21U);
    EXPECT_LT(one.curve[20].loss, one.curve[1].loss);
    for (const int ranks : {2, 3, 4, 7}) {
      EXPECT_EQ(bytes_of(run(ranks, kind + std::to_string(ranks), options)), bytes_of(one)) << ranks << " ranks";
      EXPECT_EQ(losses_, 20 * 6) << "every micro-batch is computed once";
    }
  }
}

/// AdamW in float64 with gradients summed in float64: nothing shared with the trainer but the gradients of
/// micro-batches.
struct PlainLoop {
  std::vector<at::Tensor> masters, m, v;
  std::vector<double> losses, norms;

  PlainLoop(ToyTask& task, const TrainerOptions& options) {
    for (const auto& p : task.parameters()) {
      masters.push_back(p.value.to(at::kDouble).clone());
      m.push_back(at::zeros_like(masters.back()));
      v.push_back(at::zeros_like(masters.back()));
    }
    for (std::int64_t step = 0; step < options.settings.steps; ++step) run_step(task, options, step);
  }

  void run_step(ToyTask& task, const TrainerOptions& options, std::int64_t step) {
    const auto examples = task.batch(step);
    std::vector<at::Tensor> gradients;
    for (const auto& master : masters) gradients.push_back(at::zeros_like(master));
    double loss = 0;
    double weight = 0;
    for (const auto example : examples) weight += task.weight(example);
    for (std::size_t part = 0; part * 2 < examples.size(); ++part) {
      const std::size_t count = std::min<std::size_t>(2, examples.size() - 2 * part);
      const Philox philox("train", options.seed, static_cast<std::uint64_t>(step), std::to_string(part));
      std::size_t next = 0;
      loss += task.differentiate(std::span(examples).subspan(2 * part, count), RandomSequence(philox),
                                 [&](const at::Tensor&, const at::Tensor& gradient) {
                                   if (gradient.defined()) gradients[next] += gradient.to(at::kDouble);
                                   ++next;
                                 });
    }
    losses.push_back(loss / weight);
    double square = 0;
    for (auto& gradient : gradients) square += (gradient /= weight).square().sum().item<double>();
    norms.push_back(std::sqrt(square));
    const double clip = std::min(1.0, *options.settings.clip_norm / (norms.back() + 1e-6));
    for (std::size_t i = 0; i < masters.size(); ++i) update(task, options, step, i, gradients[i] * clip);
  }

  void update(ToyTask& task, const TrainerOptions& options, std::int64_t step, std::size_t i, const at::Tensor& g) {
    const auto t = static_cast<double>(step + 1);
    const TrainSettings& settings = options.settings;
    const double lr = learning_rate(settings, step);
    const double beta1 = settings.adam_beta1;
    const double beta2 = settings.adam_beta2;
    m[i] = beta1 * m[i] + (1 - beta1) * g;
    v[i] = beta2 * v[i] + (1 - beta2) * g * g;
    const at::Tensor root = (v[i] / (1 - std::pow(beta2, t))).sqrt() + settings.adam_eps;
    const double decay = task.parameters()[i].name == "bias" ? 0 : settings.weight_decay;
    masters[i] = masters[i] * (1 - lr * decay) - lr * (m[i] / (1 - std::pow(beta1, t))) / root;
    const at::NoGradGuard no_grad;
    task.parameters()[i].value.copy_(masters[i]);
  }
};

TEST_F(Trainer, AgreesWithAPlainLoopInFloat64) {
  for (const double clip_norm : {0.05, 1e9}) {
    auto options = adamw_options;
    options.settings.clip_norm = clip_norm;
    options.settings.weight_decay = 0.1;
    options.settings.adam_beta1 = 0.8;
    options.settings.adam_beta2 = 0.95;
    options.settings.adam_eps = 1e-3;
    options.settings.validate_every = 100;  // so that the best weights are the last
    ToyTask task;
    const PlainLoop plain(task, options);
    const auto result = run(2, "clip" + std::to_string(clip_norm), options);
    EXPECT_EQ(result.best_step, 20);
    for (std::size_t i = 0; i < plain.masters.size(); ++i) {
      const at::Tensor difference = result.best_weights[i].value.to(at::kDouble) - plain.masters[i];
      EXPECT_LT(difference.abs().max().item<double>(), 2e-6) << result.best_weights[i].name;
    }
    for (std::size_t s = 0; s < 20; ++s) {
      EXPECT_NEAR(result.curve[s + 1].loss, plain.losses[s], 1e-5 * plain.losses[s]) << s;
      EXPECT_NEAR(result.curve[s + 1].gradient_norm, plain.norms[s], 1e-5 * plain.norms[s]) << s;
    }
  }
}

TEST_F(Trainer, ClipsAdafactorOnlyIfItIsToldTo) {
  auto options = adafactor_options;
  const auto unset = run(1, "unset", options);
  options.settings.clip_norm = 0;
  EXPECT_EQ(bytes_of(run(1, "none", options)), bytes_of(unset));
  options.settings.clip_norm = 0.05;  // far below the norms of all steps
  const auto clipped = run(1, "clipped", options);
  EXPECT_NE(bytes_of(clipped), bytes_of(unset));
  EXPECT_GT(clipped.curve[1].gradient_norm, 0.05) << "the curve has the norm before clipping";
  options = adamw_options;
  const auto of_adamw = run(1, "adamw-unset", options);
  options.settings.clip_norm = 1;
  EXPECT_EQ(bytes_of(run(1, "adamw-one", options)), bytes_of(of_adamw));
  options.settings.clip_norm = 0;
  EXPECT_NE(bytes_of(run(1, "adamw-none", options)), bytes_of(of_adamw));
}

TEST_F(Trainer, EndsWithTheSameBitsAfterAFailureOnOtherRanks) {
  const auto undisturbed = run(1, "undisturbed", adafactor_options);
  for (const auto& [first, second] : {std::pair{1, 1}, {1, 4}, {4, 1}, {3, 2}}) {
    const std::string name = std::to_string(first) + "-" + std::to_string(second);
    break_at(13, first, name);
    EXPECT_EQ(bytes_of(run(second, name, adafactor_options)), bytes_of(undisturbed)) << name;
    EXPECT_EQ(losses_, 7 * 6) << "13 of 20 steps are not done again";
  }
}

TEST_F(Trainer, StopsInTimeAndGoesOn) {
  const auto undisturbed = run(1, "undisturbed", adamw_options);
  EXPECT_THROW(run(2, "stopped", adamw_options,
                   [](ToyTask& task, int rank) {
                     task.on_batch = [rank](std::int64_t step) {
                       if (step == 5 && rank == 1) std::raise(SIGUSR1);
                     };
                   }),
               StopRequested);
  EXPECT_EQ(checkpoints("stopped").size(), 1U);
  EXPECT_EQ(bytes_of(run(3, "stopped", adamw_options)), bytes_of(undisturbed));
  EXPECT_LE(losses_, 14 * 6);
}

TEST_F(Trainer, KeepsTwoCheckpointsAndFallsBackFromADamagedOne) {
  const auto undisturbed = run(1, "undisturbed", adafactor_options);
  const auto damage = [](const fs::path& file) {
    std::string bytes = testing::read_all(file);
    bytes[bytes.size() - 9] = static_cast<char>(bytes[bytes.size() - 9] ^ 1);
    std::ofstream(file, std::ios::binary) << bytes;
  };
  const std::vector<std::function<void(const fs::path&)>> accidents = {
      [&](const fs::path& folder) { damage(folder / "state-00001.safetensors"); },
      [&](const fs::path& folder) { damage(folder / "manifest.json"); },
      [&](const fs::path& folder) { fs::remove(folder / "state-00000.safetensors"); },
      [&](const fs::path& folder) { fs::remove(folder / "manifest.json"); },
  };
  for (std::size_t i = 0; i < accidents.size(); ++i) {
    const std::string name = "damaged" + std::to_string(i);
    break_at(9, 2, name);
    const auto paths = checkpoints(name);
    ASSERT_EQ(paths.size(), 2U);
    EXPECT_EQ(paths.back().filename(), "step-00000009");
    accidents[i](paths.back());
    EXPECT_EQ(bytes_of(run(2, name, adafactor_options)), bytes_of(undisturbed));
    EXPECT_EQ(losses_, 12 * 6) << "from step 8 on";
  }
}

TEST_F(Trainer, StartsAnewWhenEveryCheckpointIsDamaged) {
  break_at(9, 1, "damaged");
  for (const auto& path : checkpoints("damaged")) fs::resize_file(path / "state-00000.safetensors", 100);
  run(1, "damaged", adafactor_options);
  EXPECT_EQ(losses_, 20 * 6);
}

TEST_F(Trainer, SharesOutTheStateOfTheOptimizer) {
  const auto largest_share = [&](int ranks, const std::string& name) {
    break_at(3, ranks, name);
    std::uintmax_t largest = 0;
    for (int rank = 0; rank < ranks; ++rank) {
      const auto file = checkpoints(name).back() / ("state-0000" + std::to_string(rank) + ".safetensors");
      const io::SafetensorsFile share(file.string());
      std::uintmax_t bytes = 0;
      for (const auto& [tensor, view] : share.tensors()) bytes += tensor == "curve" ? 0 : view.bytes.size();
      largest = std::max(largest, bytes);
    }
    return largest;
  };
  // [5,3] weighs 15 of 23 numbers: three ranks cannot do better than to give it to one of them.
  EXPECT_LE(largest_share(3, "three"), largest_share(1, "one") * 3 / 4);
}

TEST_F(Trainer, RemovesItsCheckpointsWhenToldTo) {
  break_at(3, 2, "run");
  ASSERT_FALSE(checkpoints("run").empty());
  const std::string stage = checkpoints("run").back().parent_path().parent_path().string();
  const app::StopControl stop(std::nullopt);
  comm::run_threads(2, [&](comm::Communicator& world) {
    const app::CommonOptions common;
    app::JobContext job{world, world, common, stop};
    remove_checkpoints(job, stage);
    remove_checkpoints(job, stage);
  });
  EXPECT_TRUE(fs::exists(stage));
  EXPECT_FALSE(fs::exists(stage + "/checkpoints"));
}

TEST_F(Trainer, SkipsAStepThatIsNotFinite) {
  const auto poison = [](ToyTask& task, int) {
    // Among the first five, steps 2 and 5 have this example.
    task.factor = [](std::int64_t example) { return example == 28 ? nan : 1.0; };
  };
  auto options = adafactor_options;
  options.settings.steps = 5;
  options.settings.schedule = ScheduleKind::constant;
  const auto one = run(1, "one", options, poison);
  EXPECT_EQ(bytes_of(run(3, "three", options, poison)), bytes_of(one));
  for (const auto& point : one.curve) {
    const bool skipped = point.step == 0 || point.step == 2 || point.step == 5;
    EXPECT_EQ(std::isnan(point.loss), skipped) << point.step;
    EXPECT_EQ(std::isnan(point.gradient_norm), skipped) << point.step;
  }
  for (const auto& [name, value] : one.best_weights) EXPECT_TRUE(at::isfinite(value).all().item<bool>()) << name;
}

TEST_F(Trainer, EndsAfterTenStepsThatAreNotFinite) {
  for (const int ranks : {1, 3}) {
    try {
      run(ranks, "nan" + std::to_string(ranks), adamw_options, [](ToyTask& task, int) {
        task.on_batch = [&task](std::int64_t step) {
          if (step == 2) task.factor = [](std::int64_t) { return std::numeric_limits<double>::infinity(); };
        };
      });
      ADD_FAILURE() << "goes on for ever";
    } catch (const DataError& error) {
      EXPECT_THAT(error.what(), HasSubstr("step 12"));
      EXPECT_THAT(error.what(), HasSubstr("training examples 27, 30)")) << "the first micro-batch";
    }
  }
}

TEST_F(Trainer, NamesTheExamplesOfAGradientThatIsNotFiniteThoughTheLossIs) {
  for (const int ranks : {1, 2, 3}) {
    try {
      run(ranks, "gradient" + std::to_string(ranks), adamw_options, [](ToyTask& task, int) {
        // Every step has an example that is 7 times the step; it stands in the first micro-batch.
        auto is_broken = std::make_shared<bool>(false);
        auto step_now = std::make_shared<std::int64_t>(0);
        task.on_batch = [=](std::int64_t step) { *step_now = step; };
        task.factor = [=](std::int64_t example) {
          *is_broken =
              example == (*step_now * 7 + 3 * 5) % 50 || (*is_broken && example == (*step_now * 7 + 3 * 4) % 50);
          return 1.0;
        };
        task.spoil = [=](at::Tensor gradient) {
          return *is_broken && gradient.defined() ? gradient.mul(nan) : gradient;
        };
      });
      ADD_FAILURE() << "goes on for ever";
    } catch (const DataError& error) {
      EXPECT_THAT(error.what(), HasSubstr("step 10"));
      EXPECT_THAT(error.what(), HasSubstr("training examples 25, 28)")) << "the third micro-batch of step 9";
    }
  }
}

/// Tells of a given accuracy at each validation.
class ScriptedTask : public ToyTask {
 public:
  explicit ScriptedTask(std::vector<double> accuracies) : accuracies_(std::move(accuracies)) {}
  std::int64_t validation_portions() const override { return 1; }
  Validation validate(std::int64_t) override { return {1, accuracies_.at(next_++), 1, 1}; }
  Selection selection() const override { return Selection::accuracy; }

 private:
  std::vector<double> accuracies_;
  std::size_t next_ = 0;
};

TEST_F(Trainer, KeepsTheWeightsOfTheBestValidation) {
  auto options = adafactor_options;
  options.settings.schedule = ScheduleKind::constant;
  const auto train_on_one = [&](ScriptedTask task, const std::string& name) {
    app::RunFolder(folder_ / name).make();
    const app::StopControl stop(std::nullopt);
    TrainingResult result;
    comm::run_threads(
        1, [&](comm::Communicator& world) { result = testing::train_toy(world, folder_ / name, task, options, stop); });
    return result;
  };
  const auto best_of_all = train_on_one(ScriptedTask({0.9, 0.5, 0.7, 0.7, 0.6}), "all");
  EXPECT_EQ(best_of_all.best_step, 18);
  options.settings.steps = 18;
  const auto first_18 = train_on_one(ScriptedTask({0, 0, 0, 0}), "first");
  ASSERT_EQ(first_18.best_step, 18);
  for (std::size_t i = 0; i < first_18.best_weights.size(); ++i) {
    EXPECT_TRUE(at::equal(first_18.best_weights[i].value, best_of_all.best_weights[i].value));
  }
}

/// Tells of an accuracy that depends on the number of the validation alone, also after a restart.
class ScheduledTask : public ToyTask {
 public:
  ScheduledTask(std::vector<double> accuracies, std::int64_t first)
      : accuracies_(std::move(accuracies)), next_(static_cast<std::size_t>(first)) {}
  std::int64_t validation_portions() const override { return 1; }
  Validation validate(std::int64_t) override { return {1, accuracies_.at(next_++), 1, 1}; }
  Selection selection() const override { return Selection::accuracy; }

 private:
  std::vector<double> accuracies_;
  std::size_t next_;
};

TEST_F(Trainer, StopsEarlyAfterValidationsWithoutABetterOneAlsoWhenItIsResumed) {
  auto options = adafactor_options;
  options.settings.validate_every = 2;
  options.settings.early_stop = 3;
  const std::vector<double> accuracies = {0.9, 0.5, 0.6, 0.6, 0.7, 0.65, 0.7, 0.1, 0.95, 0.96, 0.97};
  const auto train_from = [&](const std::string& name, std::int64_t first_validation, std::int64_t break_at) {
    app::RunFolder(folder_ / name).make();
    const app::StopControl stop(std::nullopt);
    TrainingResult result;
    comm::run_threads(1, [&](comm::Communicator& world) {
      ScheduledTask task(accuracies, first_validation);
      task.on_batch = [&](std::int64_t step) {
        if (step == break_at) throw InternalError("broken");
      };
      result = testing::train_toy(world, folder_ / name, task, options, stop);
      losses_ = task.losses;
    });
    return result;
  };
  const auto undisturbed = train_from("undisturbed", 0, -1);
  EXPECT_EQ(undisturbed.curve.back().step, 14) << "0.7 at step 8, then 0.65, 0.7 and 0.1";
  EXPECT_EQ(undisturbed.best_step, 12) << "of equal ones the later, as without early stop";
  options.runtime.checkpoint_minutes = 0;
  EXPECT_THROW(train_from("resumed", 0, 11), InternalError);
  const auto resumed = train_from("resumed", 6, -1);
  EXPECT_EQ(losses_, 3 * 6) << "only steps 12 to 14";
  EXPECT_EQ(bytes_of(resumed), bytes_of(undisturbed));
}

TEST_F(Trainer, ReturnsTheUntrainedModelForNoSteps) {
  auto options = adamw_options;
  options.settings.steps = 0;
  const auto result = run(2, "none", options);
  EXPECT_EQ(result.best_step, 0);
  ASSERT_EQ(result.curve.size(), 1U);
  EXPECT_GT(result.curve[0].validation_loss, 0);
  ToyTask untrained;
  for (std::size_t i = 0; i < result.best_weights.size(); ++i) {
    EXPECT_TRUE(at::equal(result.best_weights[i].value, untrained.parameters()[i].value));
  }
}

TEST_F(Trainer, SaysWhenACheckpointIsOfAnotherModel) {
  break_at(3, 1, "run");
  auto options = adamw_options;  // has other state
  EXPECT_THROW(run(1, "run", options), DataError);
}

}  // namespace
}  // namespace westofn::training
