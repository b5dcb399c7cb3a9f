// SPDX-License-Identifier: Apache-2.0
// Trainings that fail, are stopped, and go on from checkpoints.
#include "training/trainer.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "training/checkpoint.h"
#include "unit/training/trainer_fixture.h"
#include "util/error.h"

namespace westofn::training {
namespace {

namespace fs = std::filesystem;
using testing::bytes_of;
using testing::ToyTask;

TEST_F(TrainerTest, EndsWithTheSameBitsAfterAFailureOnOtherRanks) {
  const auto undisturbed = run(1, "undisturbed", adafactor_options);
  for (const auto& [first, second] : {std::pair{1, 1}, {1, 4}, {4, 1}, {3, 2}}) {
    const std::string name = std::to_string(first) + "-" + std::to_string(second);
    break_at(13, first, name);
    EXPECT_EQ(bytes_of(run(second, name, adafactor_options)), bytes_of(undisturbed)) << name;
    EXPECT_EQ(losses_, 7 * 6) << "13 of 20 steps are not done again";
  }
}

TEST_F(TrainerTest, StopsInTimeAndGoesOn) {
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

TEST_F(TrainerTest, KeepsTwoCheckpointsAndFallsBackFromADamagedOne) {
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

TEST_F(TrainerTest, StartsAnewWhenEveryCheckpointIsDamaged) {
  break_at(9, 1, "damaged");
  for (const auto& path : checkpoints("damaged")) fs::resize_file(path / "state-00000.safetensors", 100);
  run(1, "damaged", adafactor_options);
  EXPECT_EQ(losses_, 20 * 6);
}

TEST_F(TrainerTest, RemovesItsCheckpointsWhenToldTo) {
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

TEST_F(TrainerTest, SaysWhenACheckpointIsOfAnotherModel) {
  break_at(3, 1, "run");
  auto options = adamw_options;  // has other state
  EXPECT_THROW(run(1, "run", options), DataError);
}

}  // namespace
}  // namespace westofn::training
