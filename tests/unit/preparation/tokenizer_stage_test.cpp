// SPDX-License-Identifier: Apache-2.0
#include "preparation/tokenizer_stage.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "comm/thread_communicator.h"
#include "io/record_file.h"
#include "preparation/prepare.h"
#include "support/temporary_folder.h"
#include "tokenizer/template.h"
#include "tokenizer/tokenizer.h"
#include "util/error.h"

namespace westofn::preparation {
namespace {

/// Prepares a small toy world and trains a tokenizer on it.
class TokenizerStage : public ::testing::Test {
 protected:
  /// Returns the folder of the stage.
  std::string make(const std::string& name, int ranks) {
    const app::RunFolder run(folder_ / name);
    run.make();
    std::string made;
    comm::run_threads(ranks, [&](comm::Communicator& world) {
      const auto node = world.split(0, world.rank());
      const app::CommonOptions options;
      const app::StopControl stop(std::nullopt);
      app::JobContext job{world, *node, options, stop};
      const PrepareInputs inputs = find_inputs(job, run, data_, 5);
      (void)prepare(job, run, inputs, 5);
      TokenizerTask task = task_;
      task.prepared = {"prepare", run.stage(inputs.spec.folder_name()), inputs.spec.key()};
      const io::Manifest manifest = make_tokenizer(job, run, task);
      if (world.rank() == 0) made = run.stage(tokenizer_spec(task).folder_name());
      EXPECT_EQ(manifest.inputs, std::vector<io::ManifestInput>{task.prepared.for_manifest()});
    });
    return made;
  }

  testing::TemporaryFolder folder_;
  DataSettings data_ = [] {
    DataSettings data;
    data.world = WorldSettings{};
    data.world->toy.demonstrations = 20;
    data.world->toy.labelled_pairs = 20;
    data.world->toy.other_pairs = 20;
    data.world->toy.validation_pairs = 2;
    data.world->toy.test_pairs = 2;
    data.world->toy.judge_pairs = 2;
    data.world->toy.unlabelled_prompts = 10;
    data.world->toy.test_prompts = 2;
    return data;
  }();
  TokenizerTask task_{
      {.vocab_size = 500, .character_coverage = 1},
      {"A", "B"},
      {std::string(tokenizer::default_pairwise_template), std::string(tokenizer::default_pointwise_template)},
      {}};
};

TEST_F(TokenizerStage, WritesTheSameTokenizerForAnyNumberOfRanks) {
  const std::string one = testing::read_all(make("one", 1) + "/spiece.model");
  EXPECT_EQ(one, testing::read_all(make("three", 3) + "/spiece.model"));
  task_.settings.max_sentences = 50;
  EXPECT_NE(one, testing::read_all(make("fewer", 1) + "/spiece.model")) << "a sample of the texts";
}

TEST_F(TokenizerStage, KnowsTheLabelsAndAllWordsOfTrainingTexts) {
  const std::string stage = make("run", 2);
  const auto tokenizer = tokenizer::Tokenizer::load(stage, 600);
  EXPECT_NE(tokenizer.label("A"), tokenizer.label("B"));
  std::size_t pairs = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path())) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("pairs-") || !name.ends_with(".h5")) continue;
    for (const auto& pair : io::read_pairs(entry.path().string())) {
      if (pair.split != Split::train) continue;
      ++pairs;
      EXPECT_EQ(tokenizer.decode(tokenizer.encode(pair.chosen)), pair.chosen);
    }
  }
  EXPECT_EQ(pairs, 40U);
}

TEST_F(TokenizerStage, IsNamedByEverythingThatItReads) {
  const std::string key = tokenizer_spec(task_).key();
  EXPECT_EQ(tokenizer_spec(task_).key(), key);
  TokenizerTask other = task_;
  other.labels = {"A", "C"};
  EXPECT_NE(tokenizer_spec(other).key(), key);
  other = task_;
  other.templates.pop_back();
  EXPECT_NE(tokenizer_spec(other).key(), key);
  other = task_;
  other.settings.vocab_size = 501;
  EXPECT_NE(tokenizer_spec(other).key(), key);
  other = task_;
  other.prepared.key = "1";
  EXPECT_NE(tokenizer_spec(other).key(), key);
}

TEST_F(TokenizerStage, SaysWhichLabelIsNoPiece) {
  task_.labels = {"very good"};
  EXPECT_THROW((void)make("run", 2), ConfigError);
}

TEST_F(TokenizerStage, KeysOfAWorldAreKnownBeforeItIsMade) {
  const app::RunFolder run(folder_ / "run");
  comm::run_threads(1, [&](comm::Communicator& world) {
    const auto node = world.split(0, world.rank());
    const app::CommonOptions options;
    const app::StopControl stop(std::nullopt);
    app::JobContext job{world, *node, options, stop};
    const PrepareInputs before = find_inputs(job, run, data_, 5);
    EXPECT_FALSE(std::filesystem::exists(run.path()));
    ASSERT_EQ(plan_prepare(job, run, data_, 5).size(), 2U);
    run.make();
    (void)prepare(job, run, before, 5);
    EXPECT_EQ(find_inputs(job, run, data_, 5).spec.key(), before.spec.key());
    for (const auto& plan : plan_prepare(job, run, data_, 5)) EXPECT_EQ(plan.state, app::StageState::complete);
    EXPECT_NE(find_inputs(job, run, data_, 6).spec.key(), before.spec.key());
  });
}

}  // namespace
}  // namespace westofn::preparation
