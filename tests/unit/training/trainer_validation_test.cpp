// SPDX-License-Identifier: Apache-2.0
// Which weights a training keeps, and which steps it skips.
#include "training/trainer.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "training/checkpoint.h"
#include "unit/training/trainer_fixture.h"
#include "util/error.h"

namespace westofn::training {
namespace {

using testing::bytes_of;
using ::testing::HasSubstr;
using testing::ToyTask;

TEST_F(TrainerTest, SkipsAStepThatIsNotFinite) {
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

TEST_F(TrainerTest, EndsAfterTenStepsThatAreNotFinite) {
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

TEST_F(TrainerTest, NamesTheExamplesOfAGradientThatIsNotFiniteThoughTheLossIs) {
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

TEST_F(TrainerTest, KeepsTheWeightsOfTheBestValidation) {
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

TEST_F(TrainerTest, StopsEarlyAfterValidationsWithoutABetterOneAlsoWhenItIsResumed) {
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

TEST_F(TrainerTest, ReturnsTheUntrainedModelForNoSteps) {
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

}  // namespace
}  // namespace westofn::training
