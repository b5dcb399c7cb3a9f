// SPDX-License-Identifier: Apache-2.0
// Training under MPI: groups of ranks of different size train the same, and one group goes on for another.
#include "training/trainer.h"

#include <gtest/gtest.h>

#include <memory>

#include "comm/typed.h"
#include "support/mpi_main.h"
#include "support/temporary_folder.h"
#include "support/toy_task.h"
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

}  // namespace
}  // namespace westofn::training
