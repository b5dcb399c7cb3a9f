// SPDX-License-Identifier: Apache-2.0
// The three stages from folder to folder, on the toy base model and a handful of rows.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "comm/single_communicator.h"
#include "io/pool_file.h"
#include "model/reward_model.h"
#include "scoring/scoring_config.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"
#include "training/preference.h"
#include "training/reward.h"
#include "training/sft.h"
#include "training/train_curve.h"
#include "unit/dataset/prepare_folder.h"

namespace westofn::training {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::human_pair;

/// A text of a hundred tokens.
std::string long_text() {
  std::string text = "my";
  for (int i = 0; i < 99; ++i) text += " cat";
  return text;
}

/// A pair in words that the toy tokenizer knows.
HumanPair toy_pair(const std::string& id, Split split, bool labelled, const std::string& chosen) {
  HumanPair pair = human_pair(id, split, labelled);
  pair.prompt = "hey guys , my mom called";
  pair.chosen = chosen;
  pair.rejected = "my son snored";
  return pair;
}

class TrainingStages : public ::testing::Test {
 protected:
  TrainingStages() : run_(folder_ / "run") {
    run_.make();
    const std::vector<HumanPair> first = {
        toy_pair("a", Split::train, true, "my mom called"), toy_pair("b", Split::train, false, "mom"),
        toy_pair("c", Split::train, true, "my mom cried"),  toy_pair("d", Split::train, true, "called"),
        toy_pair("long", Split::train, true, long_text()),  toy_pair("equal", Split::train, true, "my son snored")};
    const std::vector<HumanPair> second = {toy_pair("v", Split::validation, false, "my mom lied"),
                                           toy_pair("w", Split::validation, false, "my cat")};
    const std::vector<Demonstration> demonstrations = {{"x", "g", "my cat", "a dog", "", 0},
                                                       {"y", "g", "my wife", long_text(), "", 0},
                                                       {"z", "g", "my dog", "barked", "", 0}};
    testing::write_prepare_folder(folder_ / "prepare", first, second, demonstrations);
    policy_.settings.model = "base";
    policy_.settings.max_target_tokens = 40;
    policy_.settings.train = train_;
    policy_.prepared = {"prepare", folder_ / "prepare", "01"};
    policy_.start = {{"base", WESTOFN_TOY_MODEL, "02"}, {}};
    preference_.settings.max_input_tokens = reward_.settings.max_input_tokens = 60;
    preference_.settings.train = reward_.settings.train = train_;
    preference_.prepared = reward_.prepared = policy_.prepared;
    preference_.start = reward_.start = policy_.start;
    reward_.name = "test";
  }

  /// Runs a stage on one rank; returns its manifest.
  template <class Train, class Inputs>
  io::Manifest make(const Train& train, const Inputs& inputs) {
    comm::SingleCommunicator world;
    comm::SingleCommunicator node;
    const app::CommonOptions options;
    const app::StopControl stop(std::nullopt);
    app::JobContext job{world, node, options, stop};
    return train(job, run_, inputs);
  }

  [[nodiscard]] std::string stage(const app::StageSpec& spec) const { return run_.stage(spec.folder_name()); }

  testing::TemporaryFolder folder_;
  app::RunFolder run_;
  TrainSettings train_{
      .steps = 3, .batch = 2, .optimizer = OptimizerKind::adamw, .learning_rate = 1e-3, .validate_every = 2};
  SftInputs policy_;
  PreferenceInputs preference_;
  RewardInputs reward_;
};

TEST_F(TrainingStages, PolicyIsAHuggingFaceFolderAndItsRowsAreCounted) {
  const io::Manifest manifest = make(train_policy, policy_);
  const std::string folder = stage(sft_spec(policy_));
  io::verify_files(folder, manifest);
  EXPECT_EQ(manifest.counts.at("train.used"), 2);
  EXPECT_EQ(manifest.counts.at("train.too_long"), 1);
  EXPECT_EQ(manifest.counts.at("validation.used"), 2);
  EXPECT_EQ(scoring::read_scoring_config(folder)->kind, scoring::ScoreKind::likelihood);
  EXPECT_EQ(read_curve(folder + "/curve.h5").size(), 4U);
  EXPECT_FALSE(fs::exists(folder + "/checkpoints"));
  const model::T5 before = model::T5::load(WESTOFN_TOY_MODEL, {});
  const model::T5 after = model::T5::load(folder, {});
  EXPECT_EQ(after.config(), before.config());
  EXPECT_FALSE(at::equal(after.embedding_VD(), before.embedding_VD()));
}

TEST_F(TrainingStages, LeaveACardACurveAndASummaryThatTheManifestLists) {
  const auto expect_files = [&](const io::Manifest& manifest, const std::string& folder, const std::string& words) {
    io::verify_files(folder, manifest);
    for (const char* name : {"README.md", "curve.h5", "curve.jsonl", "training.json", "westofn.json"}) {
      EXPECT_NO_THROW((void)io::find_file(manifest, name)) << name;
    }
    const std::string card = testing::read_all(folder + "/README.md");
    EXPECT_THAT(card, HasSubstr(words));
    EXPECT_THAT(card, HasSubstr("a T5 folder that was given"));
    EXPECT_THAT(card, ::testing::Not(HasSubstr(folder_.path().string()))) << "no path";
    const std::string lines = testing::read_all(folder + "/curve.jsonl");
    EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 4);
  };
  policy_.start.folder.name = preference_.start.folder.name = reward_.start.folder.name = "model";
  expect_files(make(train_policy, policy_), stage(sft_spec(policy_)), "demonstrations, training | 3 |");
  expect_files(make(train_preference, preference_), stage(preference_spec(preference_)),
               "human pairs (the labelled half), training | 5 |");
  reward_.settings.human = HumanSet::hf100;
  expect_files(make(train_reward, reward_), stage(reward_spec(reward_)), "human pairs (all), training | 6 |");
}

TEST_F(TrainingStages, DrawTheScoresOfTheValidationPairsAndNameTheFreeRulesBesideTheFirstAccuracy) {
  const auto printed = [&](const auto& train, const auto& inputs) {
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    make(train, inputs);
    return ::testing::internal::GetCapturedStdout() + ::testing::internal::GetCapturedStderr();
  };
  const std::string of_reward = printed(train_reward, reward_);
  EXPECT_THAT(of_reward, HasSubstr("rewards of the validation pairs"));
  EXPECT_THAT(of_reward,
              ::testing::ContainsRegex("step 0/3 .*accuracy .*\\(always the longer response 0.2500, the shorter "
                                       "0.7500\\)"));
  EXPECT_THAT(of_reward, HasSubstr("tokens computed in training were padding"));
  EXPECT_THAT(printed(train_preference, preference_), HasSubstr("P(chosen > rejected) of the validation pairs"));
}

TEST_F(TrainingStages, SettingsOfTheObjectiveChangeWhatIsLearnt) {
  const auto weights = [&](const RewardInputs& inputs) {
    make(train_reward, inputs);
    return model::load_reward_model(stage(reward_spec(inputs)), {}).head.weight_D;
  };
  const std::vector<MixtureRow> rows = {{PairSourceKind::human, 0}, {PairSourceKind::synthetic, 1}};
  testing::write_recipe_folder(folder_ / "recipe", 2, rows, {"a", "c", "d", "long", "equal"});
  reward_.settings.recipe = "west";
  reward_.recipe = {"recipe-west", folder_ / "recipe", "03"};
  std::vector<at::Tensor> found = {weights(reward_)};
  std::vector<RewardInputs> others(5, reward_);
  others[0].settings.soft_labels = true;
  others[1].settings.margin = 1;
  others[2].settings.margin = 1;
  others[2].settings.margin_scale = MarginScale::confidence;
  others[3].settings.centring = 0.5;
  others[4].settings.train.label_smoothing = 0.2;
  for (const auto& inputs : others) found.push_back(weights(inputs));
  for (std::size_t i = 0; i < found.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) EXPECT_FALSE(at::equal(found[i], found[k])) << i << " " << k;
  }
}

TEST_F(TrainingStages, WindowsAreForAllThree) {
  const std::string sft = sft_spec(policy_).key();
  policy_.settings.window = preference_.settings.window = reward_.settings.window = 2;
  EXPECT_NE(sft_spec(policy_).key(), sft);
  EXPECT_NO_THROW(make(train_policy, policy_));
  EXPECT_NO_THROW(make(train_preference, preference_));
  EXPECT_NO_THROW(make(train_reward, reward_));
}

TEST_F(TrainingStages, ZeroStepsGiveTheSameWeightsBack) {
  policy_.settings.train.steps = 0;
  make(train_policy, policy_);
  const auto before = model::T5::load(WESTOFN_TOY_MODEL, {}).parameters();
  const auto after = model::T5::load(stage(sft_spec(policy_)), {}).parameters();
  ASSERT_EQ(before.size(), after.size());
  for (std::size_t i = 0; i < before.size(); ++i) EXPECT_TRUE(at::equal(before[i].value, after[i].value));
}

TEST_F(TrainingStages, PolicyMayStartFromRandomWeights) {
  policy_.settings.model.reset();
  policy_.settings.architecture = policy_.start.architecture = ArchitectureSettings{
      .d_model = 8, .d_kv = 4, .d_ff = 8, .num_layers = 1, .num_decoder_layers = 1, .num_heads = 2};
  make(train_policy, policy_);
  const model::T5 t5 = model::T5::load(stage(sft_spec(policy_)), {});
  EXPECT_EQ(t5.config().d_model, 8);
  EXPECT_EQ(t5.config().vocab_size % 64, 0);
}

TEST_F(TrainingStages, PreferenceModelUsesTheLabelledHalf) {
  const io::Manifest manifest = make(train_preference, preference_);
  EXPECT_EQ(manifest.counts.at("train.used"), 3);
  EXPECT_EQ(manifest.counts.at("train.too_long"), 1);
  EXPECT_EQ(manifest.counts.at("train.equal"), 1);
  const auto scoring = scoring::read_scoring_config(stage(preference_spec(preference_)));
  EXPECT_EQ(scoring->kind, scoring::ScoreKind::pairwise);
  EXPECT_EQ(scoring->template_text, tokenizer::default_pairwise_template);
}

TEST_F(TrainingStages, RewardModelIsTrainedOnTheMixtureAndKnowsItsScale) {
  const auto human = PairSourceKind::human;
  const auto synthetic = PairSourceKind::synthetic;
  const std::vector<MixtureRow> rows = {{human, 0}, {synthetic, 1}, {human, 3}, {synthetic, 0}};
  testing::write_recipe_folder(folder_ / "recipe", 2, rows, {"a", "c", "d", "long", "equal"});
  reward_.settings.recipe = "west";
  reward_.settings.window = 2;
  reward_.recipe = {"recipe-west", folder_ / "recipe", "03"};
  reward_.pools = {"pools", folder_ / "pools", "04"};
  io::make_folder_durable(folder_ / "pools");
  std::vector<Pool> pools;
  for (const char* text : {"my cat", "my dog barked", "hey"}) {
    pools.push_back({static_cast<std::int64_t>(pools.size()), {"id", "", text, PromptSet::validation, "", 0}, {}});
    pools.back().samples.push_back({0, {5, 1}, text, -1, true});
  }
  const std::string name = io::pool_file_name(PromptSet::validation, 0, 0);
  const io::FileInfo file = io::write_pool((folder_ / "pools") + "/" + name, pools);
  io::write_manifest(folder_ / "pools", testing::manifest_of("pools", {file}));

  const io::Manifest manifest = make(train_reward, reward_);
  EXPECT_EQ(manifest.stage, "reward-test");
  EXPECT_EQ(manifest.counts.at("train.human"), 5);
  EXPECT_EQ(manifest.counts.at("train.synthetic"), 2);
  EXPECT_EQ(manifest.counts.at("train.too_long"), 1);
  EXPECT_EQ(manifest.counts.at("mixture.rows"), 4);
  EXPECT_EQ(manifest.counts.at("mixture.used"), 4);
  EXPECT_EQ(manifest.counts.at("scale.used"), 3);
  const model::RewardModel model = model::load_reward_model(stage(reward_spec(reward_)), {});
  ASSERT_TRUE(model.scale.has_value());
  EXPECT_GT(model.scale->standard_deviation, 0);
  EXPECT_NE(model.scale->mean, 0);
}

TEST_F(TrainingStages, RewardModelOfHumanPairsAloneNeedsNeitherRecipeNorPools) {
  reward_.settings.human = HumanSet::hf100;
  const io::Manifest manifest = make(train_reward, reward_);
  EXPECT_EQ(manifest.counts.at("train.used"), 4);
  EXPECT_FALSE(manifest.counts.contains("mixture.rows"));
  EXPECT_FALSE(model::load_reward_model(stage(reward_spec(reward_)), {}).scale.has_value());
}

TEST_F(TrainingStages, RefuseDataWithoutValidationPairs) {
  const std::vector<HumanPair> pairs = {human_pair("a", Split::train, true)};
  testing::write_prepare_folder(folder_ / "other", pairs, pairs, {});
  preference_.prepared.folder = folder_ / "other";
  testing::expect_data_error([&] { make(train_preference, preference_); }, "validation pairs");
}

TEST_F(TrainingStages, KeysDependOnWhatChangesTheResult) {
  const std::string key = reward_spec(reward_).key();
  auto other = reward_;
  other.settings.model = "elsewhere/base";
  other.runtime.checkpoint_minutes = 1;
  EXPECT_EQ(reward_spec(other).key(), key);
  other = reward_;
  other.seed = 2;
  EXPECT_NE(reward_spec(other).key(), key);
  other = reward_;
  other.start.folder.key = "99";
  EXPECT_NE(reward_spec(other).key(), key);
  other = reward_;
  other.runtime.micro_batch = 1;
  EXPECT_NE(reward_spec(other).key(), key);
  for (const auto& change : std::vector<std::function<void(RewardSettings&)>>{
           [](RewardSettings& s) { s.window = 3; }, [](RewardSettings& s) { s.soft_labels = true; },
           [](RewardSettings& s) { s.margin = 1; }, [](RewardSettings& s) { s.centring = 1; },
           [](RewardSettings& s) { s.train.clip_norm = 2; }, [](RewardSettings& s) { s.train.dropout = 0.1; },
           [](RewardSettings& s) { s.train.early_stop = 2; }, [](RewardSettings& s) { s.train.adam_eps = 1e-6; }}) {
    other = reward_;
    change(other.settings);
    EXPECT_NE(reward_spec(other).key(), key);
  }
  other = reward_;
  other.pools = {"pools", "p", "05"};
  EXPECT_NE(reward_spec(other).key(), key);
}

}  // namespace
}  // namespace westofn::training
