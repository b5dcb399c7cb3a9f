// SPDX-License-Identifier: Apache-2.0
// Training under MPI: groups of ranks of different size train the same, and one group goes on for another.
#include "training/trainer.h"

#include <gtest/gtest.h>

#include <memory>

#include "comm/typed.h"
#include "support/mpi_main.h"
#include "support/temporary_folder.h"
#include "support/toy_task.h"
#include "training/reward_task.h"
#include "util/error.h"

namespace westofn::training {
namespace {

using testing::bytes_of;
using testing::toy_options;
using testing::ToyTask;
using testing::world;

/// A folder that all ranks see.
class CommonFolder {
 public:
  CommonFolder() {
    if (world().rank() == 0) folder_ = std::make_unique<testing::TemporaryFolder>();
    path_ = comm::broadcast_string(world(), folder_ ? folder_->path().string() : "", 0);
  }
  /// Collective. A run folder in it.
  [[nodiscard]] std::string run(const std::string& name) const {
    app::RunFolder(path_ + "/" + name).make();
    return path_ + "/" + name;
  }

 private:
  std::unique_ptr<testing::TemporaryFolder> folder_;
  std::string path_;
};

/// Collective over the group.
TrainingResult train(comm::Communicator& group, const std::string& run, OptimizerKind kind) {
  const app::StopControl stop(std::nullopt);
  ToyTask task;
  return testing::train_toy(group, run, task, toy_options(kind), stop);
}

TEST(TrainerUnderMpi, GivesTheSameBitsInGroupsOfAnySize) {
  const CommonFolder folder;
  for (const auto kind : {OptimizerKind::adamw, OptimizerKind::adafactor}) {
    std::string of_one;
    for (int size = 1; size <= world().size(); ++size) {
      const int color = world().rank() / size;
      const auto group = world().split(color, world().rank());
      const std::string name =
          std::string(config::enum_name(kind)) + std::to_string(size) + "-" + std::to_string(color);
      const std::string mine = bytes_of(train(*group, folder.run(name), kind));
      if (of_one.empty()) of_one = mine;
      for (const auto& other : comm::all_gather_strings(world(), mine)) EXPECT_EQ(other, of_one) << size << " ranks";
    }
  }
  world().barrier();  // before rank 0 removes the folder
}

TEST(TrainerUnderMpi, GoesOnWithAnotherNumberOfRanks) {
  const CommonFolder folder;
  const auto alone = world().split(world().rank(), 0);
  const std::string own = "undisturbed" + std::to_string(world().rank());
  const std::string undisturbed = bytes_of(train(*alone, folder.run(own), OptimizerKind::adafactor));
  const std::string run = folder.run("interrupted");
  if (world().rank() == 0) {
    const app::StopControl stop(std::nullopt);
    auto options = toy_options(OptimizerKind::adafactor);
    options.runtime.checkpoint_minutes = 0;
    ToyTask task;
    task.on_batch = [](std::int64_t step) {
      if (step == 7) throw InternalError("broken");
    };
    EXPECT_THROW(static_cast<void>(testing::train_toy(*alone, run, task, options, stop)), InternalError);
  }
  world().barrier();
  EXPECT_EQ(bytes_of(train(world(), run, OptimizerKind::adafactor)), undisturbed);
  world().barrier();
}

TEST(TrainerUnderMpi, NamesARankWhoseWeightsDiffer) {
  if (world().size() < 2) return;
  const CommonFolder folder;
  const app::StopControl stop(std::nullopt);
  const int odd = world().size() - 1;
  ToyTask task;
  if (world().rank() == odd) {
    task.on_batch = [&](std::int64_t step) {
      // One number in its last bits, before the gradient of the fifth step: rank 0 owns this weight.
      if (step == 4) task.parameters()[3].value.view(-1)[1] += 1e-6F;
    };
  }
  auto options = toy_options(OptimizerKind::adamw);
  options.runtime.check_weights_every = 5;
  options.settings.weight_decay = 0;
  try {
    static_cast<void>(testing::train_toy(world(), folder.run("odd"), task, options, stop));
    ADD_FAILURE() << "a rank with other weights is not noticed";
  } catch (const Error& error) {
    if (world().rank() == 0) {
      EXPECT_NE(std::string(error.what()).find("weights of rank " + std::to_string(odd)), std::string::npos)
          << error.what();
      EXPECT_NE(std::string(error.what()).find("first in weight"), std::string::npos) << error.what();
    }
  }
  world().barrier();
}

/// A reward model whose largest tensor has 6,144 weights, trained for one step.
TrainingResult train_reward_model(comm::Communicator& group, const std::string& run, OptimizerKind kind,
                                  at::ScalarType dtype) {
  model::T5Config config{.vocab_size = 128, .d_model = 48, .d_kv = 8, .d_ff = 64, .num_layers = 4};
  config.num_decoder_layers = 4;
  config.num_heads = 4;
  const model::T5 t5 = model::T5::random(config, 3, {at::kCPU, dtype});
  model::RewardModel model{t5, model::random_head(t5, 1), {}};
  const std::vector<PairExample> pairs = {{{7, 8, 1}, {9, 1}}, {{5, 1}, {6, 7, 1}}};
  RewardTask task(model, {pairs, pairs, dataset::cycled({0, 1}, 2)}, {});
  TrainerOptions options = toy_options(kind);
  options.settings.steps = 1;
  const app::StopControl stop(std::nullopt);
  return testing::train_toy(group, run, task, options, stop);
}

/// Collective over the group. What a trainer keeps is measured on its tensors: the sum over the ranks does not grow
/// with them, and no rank has more than its share and one tensor (of `width` bytes a weight).
void expect_shared(comm::Communicator& group, std::int64_t mine, std::int64_t total, std::int64_t width) {
  constexpr std::int64_t largest_tensor = 128 * 48;
  EXPECT_EQ(group.all_reduce(mine, comm::ReduceOp::sum), total);
  EXPECT_LE(mine, total / group.size() + width * largest_tensor);
}

TEST(TrainerUnderMpi, KeepsMastersOptimizerAndSumsOnceOverAllRanks) {
  const CommonFolder folder;
  for (int size = 1; size <= world().size(); ++size) {
    const int color = world().rank() / size;
    const auto group = world().split(color, world().rank());
    const auto run = [&](OptimizerKind kind, at::ScalarType dtype) {
      const std::string name = std::to_string(size) + "-" + std::to_string(color) +
                               std::string(config::enum_name(kind)) + at::toString(dtype);
      return train_reward_model(*group, folder.run(name), kind, dtype).bytes;
    };
    const StateBytes wide = run(OptimizerKind::adamw, at::kFloat);
    const std::int64_t weights = wide.weights / 4;
    EXPECT_GT(weights, 20 * 128 * 48);
    EXPECT_EQ(wide.masters, 0) << "float32 weights are their own masters";
    expect_shared(*group, wide.optimizer, 8 * weights, 8);
    const StateBytes narrow = run(OptimizerKind::adamw, at::kBFloat16);
    const std::int64_t narrow_weights = weights - 49;  // the reward head stays in float32
    EXPECT_EQ(narrow.weights, 2 * narrow_weights + 4 * 49) << "on every rank";
    expect_shared(*group, narrow.masters, 4 * narrow_weights, 4);
    expect_shared(*group, narrow.optimizer, 8 * weights, 8);
    expect_shared(*group, narrow.sums, 4 * weights, 4);
    expect_shared(*group, narrow.best, 4 * weights, 4);
    const StateBytes factored = run(OptimizerKind::adafactor, at::kBFloat16);
    expect_shared(*group, factored.masters, 4 * narrow_weights, 4);
    EXPECT_LT(group->all_reduce(factored.optimizer, comm::ReduceOp::sum), narrow.masters * size / 4);
  }
  world().barrier();
}

}  // namespace
}  // namespace westofn::training
