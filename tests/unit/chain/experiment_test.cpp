// SPDX-License-Identifier: Apache-2.0
#include "chain/experiment.h"

#include <gmock/gmock.h>

#include "config/config.h"
#include "util/error.h"

namespace westofn::chain {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

Experiment read(const std::string& more) {
  return config::read<Experiment>(config::Document("name: x\ndata: {world: {}}\n" + more, "x.yaml"));
}

/// The message of the ConfigError that checking gives.
std::string refusal(const std::string& more) {
  const Experiment experiment = read(more);
  try {
    check_experiment(experiment);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Experiment, ComparesHf50WithWestOfNByDefault) {
  const Experiment experiment = read("");
  ASSERT_EQ(experiment.reward_models.size(), 2U);
  EXPECT_EQ(experiment.reward_models[0].first, "hf50");
  EXPECT_EQ(experiment.reward_models[1].second.recipe, "west_of_n");
  EXPECT_NO_THROW(check_experiment(experiment));
}

TEST(Experiment, IsTheSameAfterWritingAndReading) {
  const std::string text =
      config::to_yaml(read("policy: {model: some/folder}\nrecipes: {a: {n: 8, confidence: 0.5}}\n"
                           "reward_models: {b: {recipe: a}}\n"));
  EXPECT_EQ(config::to_yaml(config::read<Experiment>(config::Document(text, "again.yaml"))), text);
}

TEST(Experiment, RefusesARecipeThatIsNotThere) {
  EXPECT_THAT(refusal("recipes: {west_of_8: {n: 8}}\nreward_models: {a: {recipe: west_of_9}}\n"),
              AllOf(HasSubstr("reward_models.a.recipe"), HasSubstr("west_of_8")));
}

TEST(Experiment, RefusesARecipeWithMoreResponsesThanThePoolsHave) {
  EXPECT_THAT(refusal("generation: {n: 8}\nrecipes: {a: {n: 16}}\nreward_models: {b: {recipe: a}}\n"),
              AllOf(HasSubstr("recipes.a.n"), HasSubstr("generation.n")));
}

TEST(Experiment, HasRecipesThatListQuantilesAndComesBackAsItWasWritten) {
  const std::string text =
      config::to_yaml(read("recipes: {a: {confidence: [0, 0.25], n: 8}, b: {confidence: 0.5}}\n"
                           "reward_models: {c: {recipe: a}, d: {recipe: b}}\n"));
  EXPECT_THAT(text, AllOf(HasSubstr("confidence: [0.0, 0.25]"), HasSubstr("confidence: 0.5\n")));
  const auto again = config::read<Experiment>(config::Document(text, "again.yaml"));
  EXPECT_EQ(config::to_yaml(again), text);
  EXPECT_NO_THROW(check_experiment(again));
  EXPECT_THAT(refusal("recipes: {a: {confidence: [0, 0.25]}}\nreward_models: {c: {recipe: \"a@confidence=0.25\"}}\n"),
              HasSubstr("recipes: a"));
}

TEST(Experiment, RefusesATemplateWithoutItsPlaceHolders) {
  EXPECT_THAT(refusal("preference_model: {template: \"x {prompt}\"}\n"), HasSubstr("preference_model.template"));
  EXPECT_THAT(refusal("reward_models: {a: {template: \"{prompt} {a}\"}}\n"), HasSubstr("reward_models.a.template"));
}

TEST(Experiment, RefusesAReferenceThatIsNoRewardModel) {
  EXPECT_THAT(refusal("evaluation: {reference: nope}\n"), AllOf(HasSubstr("evaluation.reference"), HasSubstr("hf50")));
}

TEST(Experiment, RefusesNamesThatCannotBeFolders) {
  EXPECT_THAT(refusal("recipes: {\"a/b\": {}}\nreward_models: {c: {recipe: \"a/b\"}}\n"),
              AllOf(HasSubstr("recipes"), HasSubstr("a/b")));
}

}  // namespace
}  // namespace westofn::chain
