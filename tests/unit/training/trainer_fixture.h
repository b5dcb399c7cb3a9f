// SPDX-License-Identifier: Apache-2.0
// A fixture that trains the toy task on threads in run folders of its own.
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "comm/thread_communicator.h"
#include "support/temporary_folder.h"
#include "support/toy_task.h"
#include "training/trainer.h"
#include "util/error.h"

namespace westofn::training {

inline const auto adamw_options = testing::toy_options(OptimizerKind::adamw);
inline const auto adafactor_options = testing::toy_options(OptimizerKind::adafactor);
inline constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// What a test does to the task of a rank before it is trained.
using Prepare = std::function<void(testing::ToyTask&, int rank)>;

class TrainerTest : public ::testing::Test {
 protected:
  /// Trains on threads in a run folder; the result of rank 0, after all ranks are seen to have the same.
  TrainingResult run(int ranks, const std::string& name, const TrainerOptions& options, const Prepare& prepare = {}) {
    app::RunFolder(folder_ / name).make();
    const app::StopControl stop(std::nullopt);
    std::vector<TrainingResult> results(static_cast<std::size_t>(ranks));
    losses_ = 0;
    comm::run_threads(ranks, [&](comm::Communicator& world) {
      testing::ToyTask task;
      if (prepare) prepare(task, world.rank());
      auto result = testing::train_toy(world, folder_ / name, task, options, stop);
      for (std::size_t i = 0; i < result.best_weights.size(); ++i) {
        EXPECT_TRUE(at::equal(result.best_weights[i].value, task.parameters()[i].value));
      }
      losses_ += task.losses;
      results[static_cast<std::size_t>(world.rank())] = std::move(result);
    });
    for (const auto& result : results) EXPECT_EQ(testing::bytes_of(result), testing::bytes_of(results[0]));
    return results[0];
  }

  /// The checkpoint folders of a run, oldest first.
  [[nodiscard]] std::vector<std::filesystem::path> checkpoints(const std::string& name) const {
    const app::StageSpec spec{"toy", 1, "", {}};
    const std::filesystem::path parent = app::RunFolder(folder_ / name).stage(spec.folder_name()) + "/checkpoints";
    std::vector<std::filesystem::path> paths;
    if (!std::filesystem::exists(parent)) return paths;
    for (const auto& entry : std::filesystem::directory_iterator(parent)) paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    return paths;
  }

  /// Trains with a checkpoint at every step until something breaks before this step is done.
  void break_at(std::int64_t step, int ranks, const std::string& name) {
    auto options = adafactor_options;
    options.runtime.checkpoint_minutes = 0;
    EXPECT_THROW(run(ranks, name, options,
                     [&](testing::ToyTask& task, int) {
                       task.on_batch = [&](std::int64_t now) {
                         if (now == step) throw InternalError("broken");
                       };
                     }),
                 InternalError);
  }

  testing::TemporaryFolder folder_;
  std::atomic<int> losses_ = 0;  ///< micro-batches that all ranks of the last run have computed
};

}  // namespace westofn::training
