// SPDX-License-Identifier: Apache-2.0
#include "training/model_card.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temporary_folder.h"
#include "training/scoring_lines.h"
#include "unit/dataset/prepare_folder.h"

namespace westofn::training {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

/// A card of each kind with something in every place.
struct Example {
  scoring::ScoringConfig scoring;
  ModelOrigin origin{"the weights of the stage `sft-01234567`"};
  TrainingSummary summary;
  std::optional<model::ScoreScale> scale;

  explicit Example(scoring::ScoreKind kind) {
    scoring.kind = kind;
    scoring.max_input_tokens = 512;
    summary.steps = 150;
    summary.best_step = 100;
    summary.untrained = 0.5;
    summary.best = 0.71;
    origin.rows = {{"pairs.jsonl", "human pairs, training", 640}, {"recipe west", "synthetic pairs, training", 600}};
    origin.parts = {{"The synthetic pairs come from somewhere", "rule: tournament\nn: 64\n"}};
    if (kind == scoring::ScoreKind::likelihood) {
      summary.selection = Task::Selection::loss;
      return;
    }
    scoring.template_text = kind == scoring::ScoreKind::pairwise ? tokenizer::default_pairwise_template
                                                                 : tokenizer::default_pointwise_template;
    summary.accuracy = {{0.71, 0.69, 0.73, 2000}, {0.52, {0.19, 0.16, 0.22, 2000}}, {0.48, {0.23, 0.2, 0.26, 2000}}};
  }
  [[nodiscard]] std::string text() const { return to_markdown({"reward-x", scoring, origin, summary, scale}); }
};

TEST(ModelCard, BeginsWithAHeadForTheHub) {
  EXPECT_THAT(
      Example(scoring::ScoreKind::pointwise).text(),
      StartsWith("---\nlibrary_name: transformers\npipeline_tag: text-classification\ntags:\n  - t5\n  - westofn\n"
                 "  - reward-model\n---\n\n# reward-x\n\nA pointwise reward model"));
  EXPECT_THAT(Example(scoring::ScoreKind::pairwise).text(), HasSubstr("\n  - preference-model\n---\n"));
  EXPECT_THAT(Example(scoring::ScoreKind::likelihood).text(),
              AllOf(HasSubstr("pipeline_tag: text-generation\n"), HasSubstr("\n  - policy\n---\n")));
}

TEST(ModelCard, NamesAccuracyWithIntervalDataRecipeAndLimits) {
  Example example(scoring::ScoreKind::pointwise);
  example.scale = {0.25, 1.5};
  EXPECT_THAT(
      example.text(),
      AllOf(HasSubstr("| accuracy (step 100 of 150) | 71.0 % [69.0, 73.0], 2000 pairs |"),
            HasSubstr("| before training | 50.0 % |"), HasSubstr("longer response | 52.0 % |"),
            HasSubstr("shorter response | 48.0 % |"), HasSubstr("| recipe west | synthetic pairs, training | 600 |"),
            HasSubstr("```yaml\nrule: tournament\nn: 64\n```"), HasSubstr("It started from the weights of"),
            HasSubstr("at most 512 tokens"), HasSubstr("mean 0.25 and standard deviation 1.5"),
            HasSubstr("[CONTEXT] {prompt} [RESPONSE] {response}")));
  EXPECT_THAT(example.text(), Not(HasSubstr("Take note")));
}

TEST(ModelCard, SaysIfTheModelIsNotClearlyBetterThanATrivialRule) {
  Example example(scoring::ScoreKind::pairwise);
  example.summary.accuracy->longer.advantage.low = -0.01;
  EXPECT_THAT(example.text(),
              HasSubstr("**Take note:** the model is not clearly better than always preferring the longer"));
}

TEST(ModelCard, OfAPolicyHasALossInsteadOfAnAccuracy) {
  EXPECT_THAT(Example(scoring::ScoreKind::likelihood).text(),
              AllOf(HasSubstr("| loss a token (step 100 of 150) | 0.7100 |"), HasSubstr("| before training | 0.5000 |"),
                    Not(HasSubstr("accuracy"))));
}

TEST(ModelCard, HoldsTheLinesOfItsKind) {
  for (const auto kind :
       {scoring::ScoreKind::pointwise, scoring::ScoreKind::pairwise, scoring::ScoreKind::likelihood}) {
    EXPECT_THAT(Example(kind).text(), HasSubstr("```python\n" + std::string(scoring_lines(kind)) + "```\n"));
  }
  const std::string_view ten = scoring_lines(scoring::ScoreKind::pointwise);
  EXPECT_EQ(std::count(ten.begin(), ten.end(), '\n'), 10);
}

TEST(ModelCard, KeepsTablesAndBlocksWholeWhateverTheNamesAre) {
  Example example(scoring::ScoreKind::pointwise);
  example.origin.rows[0].source = "a|b\nc.jsonl";
  example.scoring.template_text = "```{prompt}``` {response}";
  EXPECT_THAT(example.text(), AllOf(HasSubstr("| a\\|b\\nc.jsonl | human pairs, training | 640 |"),
                                    HasSubstr("````text\n```{prompt}``` {response}\n````\n")));
}

TEST(DescribeStart, TellsStagesGivenFoldersAndRandomWeightsApart) {
  EXPECT_EQ(describe_start({{"sft", "/somewhere/sft", "0123456789ab"}}), "the weights of the stage `sft-01234567`");
  EXPECT_EQ(describe_start({{"model", "/somewhere/t5", "0123456789ab"}}),
            "a T5 folder that was given (hash of its files `0123456789ab`)");
  EXPECT_THAT(describe_start({{"tokenizer", "/somewhere", "0123456789ab"}, ArchitectureSettings{}}),
              StartsWith("random weights"));
}

TEST(DescribeRecipeAndGenerator, TakeRuleNAndTemperatureOutOfTheManifests) {
  const testing::TemporaryFolder folder;
  const auto publish = [&](const std::string& name, const std::string& settings) {
    io::make_folder_durable(folder / name);
    io::Manifest manifest = testing::manifest_of(name, {});
    manifest.settings = settings;
    manifest.inputs = {{"prepare", "aaaaaaaaaa"}, {"sft", "bbbbbbbbbb"}};
    if (name == "recipe") manifest.inputs = {{"pools", "dddddddddd"}, {"matches", "eeeeeeeeee"}};
    io::write_manifest(folder / name, manifest);
  };
  publish("recipe", "seed: 1\nrule: tournament\nn: 64\n");
  publish("pools", "seed: 1\nn: 64\ntemperature: 0.7\n");
  const CardPart recipe = describe_recipe({"recipe-west", folder / "recipe", "cccccccccc"});
  EXPECT_EQ(recipe.title,
            "The synthetic pairs come from the stage `recipe-west-cccccccc`, rule tournament with N = 64");
  EXPECT_EQ(recipe.settings, "seed: 1\nrule: tournament\nn: 64\n");
  EXPECT_EQ(
      describe_generator({"pools", folder / "pools", "dddddddddd"}).title,
      "The responses were generated in the stage `pools-dddddddd` by the policy `sft-bbbbbbbb` at temperature 0.7");
}

}  // namespace
}  // namespace westofn::training
