// SPDX-License-Identifier: Apache-2.0
#include "dataset/pair_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "support/temporary_folder.h"
#include "unit/dataset/prepare_folder.h"

namespace westofn::dataset {
namespace {

using ::testing::ElementsAre;
using testing::human_pair;

constexpr auto human = PairSourceKind::human;
constexpr auto synthetic = PairSourceKind::synthetic;

class Mixture : public ::testing::Test {
 protected:
  Mixture() : prepare_(folder_ / "prepare"), recipe_(folder_ / "recipe") {
    const std::vector<HumanPair> first = {human_pair("a", Split::train, true), human_pair("b", Split::train)};
    const std::vector<HumanPair> second = {human_pair("c", Split::train, true), human_pair("v", Split::validation)};
    testing::write_prepare_folder(prepare_, first, second, {});
  }

  testing::TemporaryFolder folder_;
  std::string prepare_;
  std::string recipe_;
};

/// The prompts in training order.
std::vector<std::string> prompts(const PairSet& set) {
  std::vector<std::string> all;
  for (const std::int64_t pair : set.order) all.push_back(set.pairs[static_cast<std::size_t>(pair)].prompt);
  return all;
}

TEST_F(Mixture, IsShownInTheOrderOfItsRows) {
  const std::vector<MixtureRow> rows = {{human, 1}, {synthetic, 2}, {human, 0}, {synthetic, 0}, {human, 1}};
  testing::write_recipe_folder(recipe_, 3, rows, {"a", "c"});
  const PairSet set = mixture_pair_set(prepare_, HumanSet::hf50, recipe_);
  EXPECT_EQ(set.human, 2);
  EXPECT_EQ(set.pairs.size(), 5U);
  EXPECT_THAT(prompts(set), ElementsAre("prompt c", "prompt s2", "prompt a", "prompt s0", "prompt c"));
  EXPECT_EQ(set.pairs[2].chosen, "well s0");
  EXPECT_EQ(set.pairs[2].rejected, "wrong s0");
  EXPECT_EQ(set.pairs[0].confidence, 1) << "labels of people are certain";
  EXPECT_EQ(set.pairs[2].confidence, 0.75);
  EXPECT_EQ(set.pairs[0].id, "a");
  EXPECT_EQ(set.pairs[2].id, "s0");
}

TEST_F(Mixture, MayHaveNoHumanPairs) {
  testing::write_recipe_folder(recipe_, 2, std::vector<MixtureRow>{{synthetic, 1}, {synthetic, 0}}, {});
  const PairSet set = mixture_pair_set(prepare_, HumanSet::none, recipe_);
  EXPECT_EQ(set.human, 0);
  EXPECT_THAT(prompts(set), ElementsAre("prompt s1", "prompt s0"));
}

TEST_F(Mixture, IsRefusedWithOtherHumanPairsThanItWasMadeWith) {
  testing::write_recipe_folder(recipe_, 1, std::vector<MixtureRow>{{human, 0}, {synthetic, 0}}, {"a", "b", "c"});
  testing::expect_data_error([&] { (void)mixture_pair_set(prepare_, HumanSet::hf50, recipe_); }, "human");
  EXPECT_EQ(mixture_pair_set(prepare_, HumanSet::hf100, recipe_).human, 3);
}

TEST_F(Mixture, IsRefusedIfItWasReplaced) {
  testing::write_recipe_folder(recipe_, 1, std::vector<MixtureRow>{{synthetic, 0}}, {"a", "c"});
  io::write_durable(recipe_ + "/mixture.h5", "x");
  testing::expect_data_error([&] { (void)mixture_pair_set(prepare_, HumanSet::hf50, recipe_); }, "mixture.h5");
}

TEST(HumanPairSet, HasNoOrderOfItsOwn) {
  const testing::TemporaryFolder folder;
  const std::vector<HumanPair> pairs = {human_pair("a", Split::train, true)};
  testing::write_prepare_folder(folder / "prepare", pairs, pairs, {});
  const PairSet set = human_pair_set(folder / "prepare", {Split::train, HumanSet::hf50});
  EXPECT_EQ(set.pairs.size(), 2U);
  EXPECT_EQ(set.human, 2);
  EXPECT_TRUE(set.order.empty());
  EXPECT_EQ(set.pairs[0].rejected, "wrong a");
}

TEST(HumanPairSet, KnowsGroupsIdsAndSources) {
  const testing::TemporaryFolder folder;
  std::vector<HumanPair> pairs = {human_pair("a", Split::train, true), human_pair("b", Split::train, true),
                                  human_pair("c", Split::train, true)};
  pairs[0].source = pairs[2].source = "one.jsonl";
  pairs[1].source = "two.jsonl";
  pairs[1].group = "g";
  pairs[1].confidence = 4;  // in the scale of the annotator
  testing::write_prepare_folder(folder / "prepare", pairs, {}, {});
  const PairSet set = human_pair_set(folder / "prepare", {Split::train, HumanSet::hf50});
  EXPECT_EQ(set.pairs[1].group, "g");
  EXPECT_EQ(set.pairs[1].id, pairs[1].id);
  EXPECT_EQ(set.pairs[1].confidence, 1);
  EXPECT_THAT(set.sources, ElementsAre(std::pair("one.jsonl", 2), std::pair("two.jsonl", 1)));
}

}  // namespace
}  // namespace westofn::dataset
