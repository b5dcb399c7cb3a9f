// SPDX-License-Identifier: Apache-2.0
#include "evaluation/evaluate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "comm/single_communicator.h"
#include "io/hdf5.h"
#include "io/pool_file.h"
#include "io/record_file.h"
#include "io/synthetic_pair_file.h"
#include "model/reward_model.h"
#include "scoring/scoring_config.h"
#include "support/temporary_folder.h"
#include "tokenizer/template.h"
#include "unit/evaluation/toy_test_set.h"
#include "util/error.h"

namespace westofn::evaluation {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

/// A run folder with the stages that an evaluation reads, made by hand.
class Evaluate : public ::testing::Test {
 protected:
  Evaluate() : run_(folder_ / "run") {
    run_.make();
    write_data();
    write_model("one", 1);
    write_model("two", 2);
    inputs_.settings.resamples = 100;
    inputs_.prepared = {"prepare", folder_ / "prepare", "p1"};
    inputs_.pools = app::StageInput{"pools", folder_ / "pools", "q1"};
    inputs_.preference = app::StageInput{"preference", WESTOFN_TOY_MODEL, "t1"};
    inputs_.reward_models = {{"one", {"reward-one", folder_ / "one", "m1"}},
                             {"two", {"reward-two", folder_ / "two", "m2"}}};
    inputs_.recipes = {{"west_of_4", {"recipe", folder_ / "recipe", "r1"}}};
    inputs_.gold = GoldChoice::toy;
    inputs_.experiment = "name: test\n";
  }

  void write_stage(const std::string& name, std::vector<io::FileInfo> files) {
    io::write_manifest(folder_ / name, {name, "00", "0", std::move(files), {}, "", {}});
  }

  void write_data() {
    for (const char* name : {"prepare", "pools", "recipe"}) fs::create_directory(folder_ / name);
    TestSet test = toy_test_set(30, 6, 4);
    test.pairs[4].split = Split::train;
    write_stage("prepare", {io::write_pairs(folder_ / "prepare/pairs-00000.h5", test.pairs)});
    const std::string pools = io::pool_file_name(PromptSet::test, 0, 0);
    write_stage("pools", {io::write_pool(folder_ / "pools/" + pools, test.pools)});
    SyntheticPair pair;
    pair.prompt_text = test.pools[0].prompt.text;
    pair.chosen = 0;
    pair.rejected = 1;
    pair.chosen_response = test.pools[0].samples[0].response;
    pair.rejected_response = test.pools[0].samples[1].response;
    pair.confidence = 0.9;
    SyntheticPair none;
    none.outcome = PairOutcome::inverted;
    write_stage("recipe",
                {io::write_synthetic_pairs(folder_ / "recipe/pairs-00000.h5", std::vector<SyntheticPair>{pair, none})});
  }

  /// The toy base model with a random head.
  void write_model(const std::string& name, std::uint64_t seed) {
    const std::string path = folder_ / name;
    fs::copy(WESTOFN_TOY_MODEL, path, fs::copy_options::recursive);
    const auto t5 = model::T5::load(path, {});
    model::save_reward_head(path, model::random_head(t5, seed), std::nullopt);
    scoring::ScoringConfig config;
    config.kind = scoring::ScoreKind::pointwise;
    config.template_text = tokenizer::default_pointwise_template;
    scoring::write_scoring_config(path, config);
  }

  io::Manifest evaluate_now() {
    comm::SingleCommunicator world;
    comm::SingleCommunicator node;
    const app::CommonOptions options;
    const app::StopControl stop(std::nullopt);
    app::JobContext job{world, node, options, stop};
    return evaluate(job, run_, spec(), inputs_);
  }

  [[nodiscard]] app::StageSpec spec() const {
    return evaluate_spec(inputs_.settings, inputs_.runtime, inputs_.seed, inputs_);
  }
  [[nodiscard]] std::string stage_file(const std::string& name) const {
    return run_.stage(spec().folder_name()) + "/" + name;
  }

  testing::TemporaryFolder folder_;
  app::RunFolder run_;
  EvaluateInputs inputs_;
};

TEST_F(Evaluate, ScoresEveryModelAndPublishesResults) {
  const io::Manifest manifest = evaluate_now();
  EXPECT_EQ(manifest.counts.at("test_pairs"), 29) << "the training pair is not tested on";
  EXPECT_EQ(manifest.counts.at("test_prompts"), 6);
  EXPECT_EQ(manifest.files.size(), 5U);
  const io::Hdf5Reader results(run_.path() + "/results.h5");
  EXPECT_EQ(results.attribute_as<std::string>("/", "filetype"), "westofn/results");
  EXPECT_THAT(results.text("/experiment"), ::testing::ElementsAre("name: test\n"));
  EXPECT_THAT(results.text("/models/name"),
              ::testing::ElementsAre("one", "two", preference_name, "longer", "shorter", "random", "gold"));
  EXPECT_EQ(results.read<double>("/models/accuracy/value").size(), 7U);
  EXPECT_EQ(results.read<double>("/pairs/score_chosen").size(), 7U * 29);
  EXPECT_EQ(results.read<double>("/prompts/gold").size(), 6U * 5);
  EXPECT_EQ(results.read<double>("/best_of_n/win").size(), 7U * 4);
  EXPECT_EQ(results.read<std::int64_t>("/recipes/kept")[0], 1);
  for (const auto& dataset : results.list()) {
    EXPECT_FALSE(dataset.note.description.empty()) << dataset.path;
    EXPECT_FALSE(dataset.note.units.empty()) << dataset.path;
  }
  EXPECT_THAT(testing::read_all(stage_file("table.txt")), HasSubstr("two minus one"));
}

TEST_F(Evaluate, AsksTheJudgeAboutTheBestSamplesOnly) {
  inputs_.judge = app::StageInput{"judge", WESTOFN_TOY_MODEL, "j1"};
  const io::Manifest manifest = evaluate_now();
  EXPECT_EQ(manifest.files.size(), 7U) << "scores-judge.h5 and judged.h5 besides";
  const io::Hdf5Reader results(run_.path() + "/results.h5");
  EXPECT_EQ(results.text("/models/name")[3], judge_name);
  EXPECT_EQ(results.read<std::uint8_t>("/models/kind")[3], 3);
  const auto counts = results.read<std::int64_t>("/models/win_by_judge/count");
  EXPECT_THAT(counts, ::testing::ElementsAre(6, 6, 0, 0, 6, 6, 6, 6)) << "pairwise models take no best sample";
  const auto asked = results.read<double>("/prompts/judge_prefers_best");
  const io::Hdf5Reader judged(stage_file("judged.h5"));
  const auto all = judged.read<double>("/judged");
  const auto best = results.read<double>("/prompts/best");
  std::size_t known = 0;
  for (const double p : all) known += std::isnan(p) ? 0U : 1U;
  EXPECT_LT(known, all.size());
  for (std::size_t p = 0; p < 6; ++p) EXPECT_EQ(asked[p], all[p * 5 + static_cast<std::size_t>(best[p])]);
}

TEST_F(Evaluate, ResultsHoldPoolsPairsAndMixtures) {
  evaluate_now();
  const io::Hdf5Reader results(run_.path() + "/results.h5");
  EXPECT_EQ(results.text("/human/prompt").size(), 30U) << "all splits";
  EXPECT_EQ(results.text("/pools/prompt").size(), 6U);
  const auto first = results.read<std::int64_t>("/pools/first_sample");
  EXPECT_THAT(first, ::testing::ElementsAre(0, 5, 10, 15, 20, 25, 30));
  EXPECT_EQ(results.text("/samples/response").size(), 30U);
  EXPECT_EQ(results.read<std::int64_t>("/samples/pool")[7], 1);
  EXPECT_THAT(results.read<std::int32_t>("/synthetic/chosen"), ::testing::ElementsAre(0, -1));
  EXPECT_TRUE(results.read<double>("/matches/p_ab").empty());
  EXPECT_THAT(results.text("/table")[0], HasSubstr("two minus one"));
}

TEST_F(Evaluate, AResumedEvaluationReusesScoresAndEndsWithTheSameBytes) {
  evaluate_now();
  const std::string before = testing::read_all(stage_file("evaluation.h5"));
  fs::remove(stage_file("manifest.json"));
  fs::remove(stage_file("scores-reward-two.h5"));
  fs::remove_all(folder_ / "one");  // would be an error if it was scored again
  fs::remove(run_.path() + "/results.h5");
  evaluate_now();
  EXPECT_EQ(testing::read_all(stage_file("evaluation.h5")), before);
  EXPECT_TRUE(fs::exists(run_.path() + "/results.h5"));
}

TEST_F(Evaluate, ACompleteEvaluationOnlyPublishesItsResultsAgain) {
  evaluate_now();
  fs::remove_all(folder_ / "one");
  fs::remove_all(folder_ / "two");
  inputs_.experiment = "name: other\n";
  evaluate_now();
  const io::Hdf5Reader results(run_.path() + "/results.h5");
  EXPECT_THAT(results.text("/experiment"), ::testing::ElementsAre("name: other\n"));
}

TEST_F(Evaluate, AModelOfAnotherKindIsRefused) {
  inputs_.preference = inputs_.reward_models[0].input;
  EXPECT_THROW(evaluate_now(), DataError);
}

TEST_F(Evaluate, TheReferenceMustBeARewardModel) {
  inputs_.settings.reference = "three";
  EXPECT_THROW((void)spec(), ConfigError);
  inputs_.settings.reference = "two";
  const std::string key = spec().key();
  inputs_.settings.reference.reset();
  EXPECT_NE(spec().key(), key) << "another reference is another evaluation";
}

}  // namespace
}  // namespace westofn::evaluation
