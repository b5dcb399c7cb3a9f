// SPDX-License-Identifier: Apache-2.0
// The parts of the toy world: functions of seed, part and index alone.
#include "world/toy_world.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "config/config.h"
#include "util/error.h"
#include "world/gold.h"

namespace westofn::world {
namespace {

using ::testing::HasSubstr;

TEST(ToyWorldSettings, HasTheCountsOfTheProject) {
  const auto settings = config::read<ToyWorldSettings>(config::Document("{}", "world.yaml"));
  EXPECT_EQ(settings, ToyWorldSettings{});
  EXPECT_EQ(part_size(settings, ToyPart::demonstrations), 6000);
  EXPECT_EQ(part_size(settings, ToyPart::labelled), 600);
  EXPECT_EQ(part_size(settings, ToyPart::validation), 1500);
  EXPECT_EQ(part_size(settings, ToyPart::test_prompts), 200);
}

TEST(ToyWorldSettings, RefusesImpossibleValues) {
  for (const std::string text :
       {"demonstrations: -1", "test_pairs: 1000000000000", "beta: -1", "pairs: 3", "pair_skills: []",
        "pair_skills: [1, 1]", "pair_skills: [0, 0, 0]", "pair_skills: [1, -1, 1]", "pair_skills: expert"}) {
    EXPECT_THROW((void)config::read<ToyWorldSettings>(config::Document(text, "world.yaml")), ConfigError) << text;
  }
}

TEST(MakePair, DependsOnSeedPartAndIndexAlone) {
  ToyWorldSettings settings;
  const HumanPair pair = make_pair(settings, ToyPart::test, 7);
  settings.test_pairs = 3;
  settings.demonstrations = 0;
  EXPECT_EQ(make_pair(settings, ToyPart::test, 7).prompt, pair.prompt);
  EXPECT_EQ(make_pair(settings, ToyPart::test, 7).chosen, pair.chosen);
  EXPECT_EQ(make_pair(settings, ToyPart::test, 7).confidence, pair.confidence);
  EXPECT_NE(make_pair(settings, ToyPart::test, 8).prompt, pair.prompt);
  EXPECT_NE(make_pair(settings, ToyPart::validation, 7).prompt, pair.prompt);
  settings.seed = 2;
  EXPECT_NE(make_pair(settings, ToyPart::test, 7).prompt, pair.prompt);
}

TEST(Parts, KeepTheTextsOfEarlierVersions) {
  const ToyWorldSettings settings;
  const Demonstration demonstration = make_demonstration(settings, 0);
  EXPECT_EQ(
      demonstration.prompt,
      "worse my cat hissed . btw my brother fought . anyway my wallet vanished . anyway my neighbor shouted . worse "
      "my sister texted . mainly my wife forgave . any advice ?");
  EXPECT_EQ(demonstration.response, "cat hissed and sister texted . idk .");
  const HumanPair pair = make_pair(settings, ToyPart::labelled, 0);
  EXPECT_EQ(pair.chosen, "laptop beeped and job relocated and sister texted .");
  EXPECT_EQ(pair.rejected, "mom cooked and laptop rebooted and sister sulked . idk .");
  EXPECT_EQ(pair.confidence, 10.105691);
}

TEST(MakePair, IsWrittenByThePeopleThatTheSettingsName) {
  // Mean gold of a novice -0.78 (1.39), of an expert 1.81 (0.84); 1,000 responses of 500 pairs.
  const auto mean_gold = [](std::vector<double> skills) {
    ToyWorldSettings settings;
    settings.pair_skills = std::move(skills);
    double sum = 0;
    for (int i = 0; i < 500; ++i) {
      const HumanPair pair = make_pair(settings, ToyPart::labelled, i);
      sum += gold(pair.prompt, pair.chosen) + gold(pair.prompt, pair.rejected);
    }
    return sum / 1000;
  };
  EXPECT_NEAR(mean_gold({1, 0, 0}), -0.78, 0.2);
  EXPECT_NEAR(mean_gold({0, 0, 1}), 1.81, 0.2);
  EXPECT_NEAR(mean_gold({7, 0, 7}), (1.81 - 0.78) / 2, 0.2);
}

TEST(MakePair, SaysWhereItBelongs) {
  const ToyWorldSettings settings;
  const HumanPair labelled = make_pair(settings, ToyPart::labelled, 123);
  EXPECT_EQ(labelled.id, "labelled-000123");
  EXPECT_EQ(labelled.split, Split::train);
  EXPECT_TRUE(labelled.labelled_half);
  EXPECT_EQ(labelled.source, "pairs-labelled.jsonl");
  EXPECT_EQ(labelled.line, 124);
  const HumanPair other = make_pair(settings, ToyPart::other, 1234567);
  EXPECT_EQ(other.id, "other-1234567");
  EXPECT_EQ(other.split, Split::train);
  EXPECT_FALSE(other.labelled_half);
  EXPECT_EQ(make_pair(settings, ToyPart::validation, 0).split, Split::validation);
  EXPECT_EQ(make_pair(settings, ToyPart::test, 0).split, Split::test);
  EXPECT_EQ(make_pair(settings, ToyPart::judge, 0).split, Split::judge);
}

TEST(MakePrompt, SaysWhatItIsFor) {
  const Prompt prompt = make_prompt(ToyWorldSettings{}, ToyPart::test_prompts, 5);
  EXPECT_EQ(prompt.id, "test-prompt-000005");
  EXPECT_EQ(prompt.set, PromptSet::test);
  EXPECT_EQ(prompt.source, "prompts-test.jsonl");
  EXPECT_EQ(make_prompt(ToyWorldSettings{}, ToyPart::unlabelled_prompts, 5).set, PromptSet::unlabelled);
}

TEST(MakePrompt, IsNoPartOfPairs) {
  EXPECT_THROW((void)make_prompt(ToyWorldSettings{}, ToyPart::test, 0), InternalError);
  EXPECT_THROW((void)make_pair(ToyWorldSettings{}, ToyPart::test_prompts, 0), InternalError);
}

TEST(Parts, ShareNoPost) {
  const ToyWorldSettings settings;
  constexpr int items = 200;
  std::set<std::string> posts;
  for (int i = 0; i < items; ++i) {
    posts.insert(make_demonstration(settings, i).prompt);
    for (const ToyPart part : toy_pair_parts) posts.insert(make_pair(settings, part, i).prompt);
    for (const ToyPart part : toy_prompt_parts) posts.insert(make_prompt(settings, part, i).text);
  }
  EXPECT_EQ(posts.size(), toy_parts.size() * items);
}

TEST(MakePair, LabelsFollowBradleyTerryInTheGoldReward) {
  // The share of labels for the better response must be the mean of sigmoid(beta |gap|). 2,000 pairs: standard error
  // below 0.008.
  ToyWorldSettings settings;
  settings.beta = 1;
  constexpr int pairs = 2000;
  double expected = 0;
  double observed = 0;
  for (int i = 0; i < pairs; ++i) {
    const HumanPair pair = make_pair(settings, ToyPart::test, i);
    EXPECT_NE(pair.chosen, pair.rejected);
    EXPECT_GE(pair.confidence, 0);
    const double gap = gold(pair.prompt, pair.chosen) - gold(pair.prompt, pair.rejected);
    expected += 1 / (1 + std::exp(-std::abs(gap)));
    observed += gap > 0 ? 1 : gap == 0 ? 0.5 : 0;
  }
  EXPECT_NEAR(observed / pairs, expected / pairs, 5 * 0.008);
}

TEST(MakePair, IsCoinLabelledWithoutBetaAndGoldLabelledWithAHugeOne) {
  ToyWorldSettings coin;
  coin.beta = 0;
  ToyWorldSettings certain;
  certain.beta = 1000;
  constexpr int pairs = 1000;
  double better = 0;
  for (int i = 0; i < pairs; ++i) {
    const HumanPair tossed = make_pair(coin, ToyPart::test, i);
    const double gap = gold(tossed.prompt, tossed.chosen) - gold(tossed.prompt, tossed.rejected);
    better += gap > 0 ? 1 : gap == 0 ? 0.5 : 0;
    const HumanPair sure = make_pair(certain, ToyPart::test, i);
    EXPECT_GE(gold(sure.prompt, sure.chosen), gold(sure.prompt, sure.rejected));
  }
  EXPECT_NEAR(better / pairs, 0.5, 5 * 0.0158);
}

}  // namespace
}  // namespace westofn::world
