// SPDX-License-Identifier: Apache-2.0
#include "synthesis/recipe_family.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/config.h"
#include "util/error.h"

namespace westofn::synthesis {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

RecipeFamily read(const std::string& text) { return config::read<RecipeFamily>(config::Document(text, "r.yaml")); }

std::vector<std::string> names(const std::string& text) {
  std::vector<std::string> found;
  for (const auto& [name, settings] : expand("r", read(text))) found.push_back(name);
  return found;
}

std::string refusal(const std::string& text) {
  try {
    (void)read(text);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

TEST(RecipeFamily, OfSingleNumbersIsOneRecipeWithTheNameAndTheSettingsOfOne) {
  const std::string text = "confidence: 0.25\nn: 8\nratio: 2\n";
  EXPECT_THAT(names(text), ElementsAre("r"));
  RecipeSettings alone;
  alone.matches.n = 8;
  alone.filters.confidence = 0.25;
  alone.mixture.ratio = 2;
  EXPECT_EQ(config::to_yaml(expand("r", read(text)).front().second), config::to_yaml(alone));
  EXPECT_THAT(names("confidence: [0.25]\n"), ElementsAre("r")) << "a list of one is the number";
  EXPECT_EQ(config::to_yaml(read("confidence: [0.25]\n")), config::to_yaml(read("confidence: 0.25\n")));
}

TEST(RecipeFamily, OfAListHasOneRecipeForEachInTheOrderOfTheList) {
  EXPECT_THAT(names("confidence: [0.5, 0, 0.25]\n"),
              ElementsAre("r@confidence=0.5", "r@confidence=0.0", "r@confidence=0.25"));
  EXPECT_THAT(names("confidence: 0.1\nlikelihood: [0, 0.2]\n"), ElementsAre("r@likelihood=0.0", "r@likelihood=0.2"));
  const auto recipes = expand("r", read("confidence: [0.5, 0.25]\nn: 8\nlikelihood: 0.125\n"));
  ASSERT_EQ(recipes.size(), 2U);
  EXPECT_EQ(recipes[1].second.filters.confidence, 0.25);
  EXPECT_EQ(recipes[1].second.filters.likelihood, 0.125);
  EXPECT_EQ(recipes[1].second.matches.n, 8);
}

TEST(RecipeFamily, OfTwoListsIsTheirProduct) {
  EXPECT_THAT(names("confidence: [0, 0.5]\nlikelihood: [0, 0.1]\n"),
              ElementsAre("r@confidence=0.0,likelihood=0.0", "r@confidence=0.0,likelihood=0.1",
                          "r@confidence=0.5,likelihood=0.0", "r@confidence=0.5,likelihood=0.1"));
}

TEST(RecipeFamily, IsTheSameAfterWritingAndReading) {
  const std::string text = config::to_yaml(read("confidence: [0, 0.5]\nlikelihood: 0.1\n"));
  EXPECT_THAT(text, HasSubstr("confidence: [0.0, 0.5]"));
  EXPECT_THAT(text, HasSubstr("likelihood: 0.1\n"));
  EXPECT_EQ(config::to_yaml(read(text)), text);
}

TEST(RecipeFamily, RefusesListsThatAreNone) {
  for (const auto* list : {"[]", "[0.5, 0.5]", "[0, 1]", "-0.1", "1"}) {
    EXPECT_THAT(refusal(std::string("confidence: ") + list + "\n"), HasSubstr("a number from 0 to below 1, or a list"))
        << list;
  }
  EXPECT_THAT(refusal("likelihood: [0.1, x]\n"), HasSubstr("likelihood[1]"));
  EXPECT_THAT(refusal("likelihood: {a: 1}\n"), HasSubstr("likelihood"));
}

TEST(RecipeFamily, RefusesARatioThatIsNone) {
  for (const auto* ratio : {"0", "-1", "101"}) {
    EXPECT_THAT(refusal(std::string("ratio: ") + ratio + "\n"), HasSubstr("ratio: expected a number from 0.01 to 100"))
        << ratio;
  }
}

TEST(RecipeFamily, HasATeacherIfItsRuleIsPointwiseAndOnlyThen) {
  EXPECT_EQ(read("rule: pointwise\nteacher: some/folder\n").teacher, "some/folder");
  EXPECT_THAT(refusal("rule: pointwise\n"), HasSubstr("teacher"));
  EXPECT_THAT(refusal("teacher: some/folder\n"), HasSubstr("teacher"));
}

}  // namespace
}  // namespace westofn::synthesis
