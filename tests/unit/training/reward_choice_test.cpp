// SPDX-License-Identifier: Apache-2.0
#include "training/reward_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "comm/single_communicator.h"
#include "io/durable_file.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace westofn::training {
namespace {

namespace fs = std::filesystem;
using testing::expect_data_error;
using testing::read_all;

TEST(BestCandidate, HasTheHighestAccuracyAndIsTheFirstOfEquals) {
  EXPECT_EQ(best_candidate({0.5}), 0U);
  EXPECT_EQ(best_candidate({0.5, 0.75, 0.6}), 1U);
  EXPECT_EQ(best_candidate({0.5, 0.75, 0.75}), 1U);
}

/// Finished stages that look like reward models.
class RewardChoice : public ::testing::Test {
 protected:
  RewardChoice() : run_(folder_ / "run") { run_.make(); }

  void add_candidate(const std::string& recipe, const std::string& summary) {
    const std::string name = "reward-r@" + recipe + "-0000000" + std::to_string(inputs_.candidates.size());
    const std::string folder = run_.stage(name);
    fs::create_directories(folder);
    const std::vector<io::FileInfo> files = {io::write_durable(folder + "/model.safetensors", "weights of " + recipe),
                                             io::write_durable(folder + "/training.json", summary)};
    const std::string key = "0" + std::to_string(inputs_.candidates.size());
    io::write_manifest(folder, {name, key, "test", files, {}, "", {{"train.used", 7}}});
    inputs_.candidates.push_back({"w@" + recipe, {name, folder, key}});
  }

  io::Manifest choose() {
    comm::SingleCommunicator world;
    comm::SingleCommunicator node;
    const app::CommonOptions options;
    const app::StopControl stop(std::nullopt);
    app::JobContext job{world, node, options, stop};
    return choose_reward_model(job, run_, inputs_);
  }

  [[nodiscard]] std::string folder() const { return run_.stage(choice_spec(inputs_).folder_name()); }

  testing::TemporaryFolder folder_;
  app::RunFolder run_;
  ChoiceInputs inputs_{"r", {}};
};

TEST_F(RewardChoice, IsAFolderOfItsOwnWithTheFilesOfTheBestAndAllAccuracies) {
  add_candidate("confidence=0.0", R"({"best": 0.625})");
  add_candidate("confidence=0.25", R"({"best": 0.75})");
  add_candidate("confidence=0.5", R"({"best": 0.5})");
  const io::Manifest manifest = choose();
  EXPECT_EQ(read_all(folder() + "/model.safetensors"), "weights of confidence=0.25");
  EXPECT_EQ(read_all(folder() + "/training.json"), R"({"best": 0.75})");
  EXPECT_EQ(manifest.counts.at("train.used"), 7);
  const auto json = nlohmann::json::parse(read_all(folder() + "/choice.json"));
  EXPECT_EQ(json.at("chosen"), "w@confidence=0.25");
  ASSERT_EQ(json.at("candidates").size(), 3U);
  EXPECT_EQ(json.at("candidates")[2].at("recipe"), "w@confidence=0.5");
  EXPECT_EQ(json.at("candidates")[2].at("accuracy"), 0.5);
  for (const auto& candidate : inputs_.candidates) fs::remove_all(candidate.model.folder);
  io::verify_files(folder(), manifest);
}

TEST_F(RewardChoice, GoesOnWhereAnEarlierJobStopped) {
  add_candidate("confidence=0.0", R"({"best": 0.5})");
  add_candidate("confidence=0.25", R"({"best": 0.75})");
  fs::create_directories(folder());
  io::write_durable(folder() + "/model.safetensors", "something else");
  io::verify_files(folder(), choose());
  EXPECT_EQ(read_all(folder() + "/model.safetensors"), "weights of confidence=0.25");
  EXPECT_EQ(read_all(inputs_.candidates[1].model.folder + "/model.safetensors"), "weights of confidence=0.25");
}

TEST_F(RewardChoice, IsMadeAnewForOtherCandidates) {
  add_candidate("confidence=0.0", R"({"best": 0.5})");
  const std::string before = choice_spec(inputs_).key();
  add_candidate("confidence=0.25", R"({"best": 0.75})");
  EXPECT_NE(choice_spec(inputs_).key(), before);
}

TEST_F(RewardChoice, RefusesATrainingWithoutAccuracyAndAModelThatWasChanged) {
  add_candidate("confidence=0.0", R"({"best": null})");
  expect_data_error([&] { choose(); }, "training.json: has no validation accuracy");
  inputs_.candidates.clear();
  add_candidate("confidence=0.25", R"({"best": 0.75})");
  io::write_durable(inputs_.candidates[0].model.folder + "/model.safetensors", "changed");
  expect_data_error([&] { choose(); }, "it was changed or damaged");
}

}  // namespace
}  // namespace westofn::training
