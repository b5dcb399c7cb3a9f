// SPDX-License-Identifier: Apache-2.0
#include "training/checkpoint.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "comm/thread_communicator.h"
#include "io/manifest.h"
#include "support/temporary_folder.h"

namespace westofn::training {
namespace {

namespace fs = std::filesystem;

/// The state of one rank after so many steps; every number in it depends on the step, and some are not finite.
TrainingState state_after(std::int64_t step) {
  TrainingState state{step, step - 1, 1, step / 2, {}, {}};
  for (std::int64_t i = 0; i <= step; ++i) {
    const double x = static_cast<double>(i);
    state.curve.push_back({i, x / 3, x / 7, x / 11, i % 2 == 0 ? std::nan("") : x, x / 13});
  }
  const at::Tensor values = at::arange(12, at::kFloat).view({3, 4}) + static_cast<float>(step) / 3;
  state.owned.push_back({0, "weight", values, {{"m", values / 7}, {"v", values / 9}}, values / 11});
  state.owned[0].optimizer.at("m")[1][2] = std::nan("");
  state.owned[0].optimizer.at("v")[2][0] = HUGE_VAL;
  return state;
}

/// All bits of a state.
std::string bytes_of(const TrainingState& state) {
  std::string bytes;
  const auto add = [&](const void* data, std::size_t size) { bytes.append(static_cast<const char*>(data), size); };
  for (const std::int64_t number : {state.step, state.updates, state.skipped, state.best_step}) add(&number, 8);
  for (const CurvePoint& point : state.curve) {
    add(&point.step, 8);
    for (const double number :
         {point.learning_rate, point.loss, point.gradient_norm, point.validation_loss, point.validation_accuracy}) {
      add(&number, 8);
    }
  }
  for (const OwnedWeight& weight : state.owned) {
    add(weight.master.const_data_ptr(), weight.master.nbytes());
    add(weight.best.const_data_ptr(), weight.best.nbytes());
    for (const auto& [name, tensor] : weight.optimizer) add(tensor.const_data_ptr(), tensor.nbytes());
  }
  return bytes;
}

/// A stage folder of one rank with checkpoints.
class Checkpoint : public ::testing::Test {
 protected:
  /// Calls f with the stage.
  void with_stage(const std::function<void(app::StageRun&)>& f) {
    const app::StopControl stop(std::nullopt);
    comm::run_threads(1, [&](comm::Communicator& world) {
      const app::CommonOptions common;
      app::JobContext job{world, world, common, stop};
      app::StageRun stage(job, app::RunFolder(run_.string()), {"toy", 1, "", {}}, nullptr);
      f(stage);
    });
  }

  void save(std::int64_t step) {
    with_stage([&](app::StageRun& stage) {
      save_checkpoint(stage, state_after(step));
      parent_ = stage.folder() + "/checkpoints";
    });
  }

  /// The step of the state that is loaded, -1 if there is none.
  std::int64_t load() {
    std::int64_t step = -1;
    with_stage([&](app::StageRun& stage) {
      TrainingState state = state_after(99);
      if (!load_checkpoint(stage, state)) return;
      step = state.step;
      EXPECT_EQ(bytes_of(state), bytes_of(state_after(step))) << step;
    });
    return step;
  }

  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(parent_)) names.push_back(entry.path().filename());
    std::ranges::sort(names);
    return names;
  }

  testing::TemporaryFolder folder_;
  fs::path run_ = folder_ / "run";
  fs::path parent_;  ///< of checkpoints
};

TEST_F(Checkpoint, GivesBackWhatWasSaved) {
  EXPECT_EQ(load(), -1);
  save(3);
  save(4);
  EXPECT_EQ(load(), 4);
}

TEST_F(Checkpoint, KeepsTheTwoNewest) {
  for (const int step : {3, 4, 5, 12}) save(step);
  EXPECT_EQ(names(), (std::vector<std::string>{"step-00000005", "step-00000012"}));
}

TEST_F(Checkpoint, IsReplacedByTheOlderOneWhateverBitIsFlippedOrByteIsMissing) {
  save(3);
  save(4);
  const fs::path newest = parent_ / "step-00000004";
  const fs::path intact = folder_ / "intact";
  fs::copy(newest, intact);
  int cases = 0;
  int harmless = 0;
  const auto damage = [&](const std::string& file, const std::string& bytes) {
    fs::remove_all(newest);
    fs::copy(intact, newest);
    std::ofstream(newest / file, std::ios::binary) << bytes;
    ++cases;
    if (load() == 4) {
      // A flip may change how a manifest is written but not what it says, such as the case of a hexadecimal digit.
      ASSERT_EQ(file, "manifest.json") << "case " << cases;
      ASSERT_EQ(io::to_json(io::read_manifest(newest.string())), io::to_json(io::read_manifest(intact.string())));
      ++harmless;
      return;
    }
    ASSERT_EQ(load(), 3) << file << " case " << cases;
    ASSERT_FALSE(fs::exists(newest));
  };
  for (const std::string file : {"state-00000.safetensors", "manifest.json"}) {
    const std::string bytes = testing::read_all(intact / file);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      std::string flipped = bytes;
      flipped[i] = static_cast<char>(flipped[i] ^ 1 << i % 8);
      damage(file, flipped);
    }
    for (std::size_t length = 0; length < bytes.size(); length += 5) damage(file, bytes.substr(0, length));
  }
  EXPECT_GT(cases, 1000);
  EXPECT_LT(harmless, 20);
}

TEST_F(Checkpoint, IsNotTakenForFinishedWithoutItsManifest) {
  save(3);
  save(4);
  fs::remove(parent_ / "step-00000004" / "manifest.json");
  EXPECT_EQ(load(), 3);
  EXPECT_EQ(names(), (std::vector<std::string>{"step-00000003"}));
  fs::remove(parent_ / "step-00000003" / "manifest.json");
  EXPECT_EQ(load(), -1);
  EXPECT_TRUE(names().empty());
}

}  // namespace
}  // namespace westofn::training
