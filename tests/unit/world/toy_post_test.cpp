// SPDX-License-Identifier: Apache-2.0
// Posts: what is drawn, and what is read back from the text.
#include "world/toy_post.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "util/error.h"

namespace westofn::world {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

RandomSequence numbers(std::uint32_t index) { return RandomSequence(Philox("toy-post-test", 1, 0, ""), index); }

TEST(ToyWords, HaveNoEventTwice) {
  std::set<std::string_view> events;
  for (const ToyNoun& noun : toy_nouns) events.insert(noun.events.begin(), noun.events.end());
  EXPECT_EQ(events.size(), 80U);
}

TEST(ToyWords, ListTheCuesInThreesByImportance) {
  for (std::size_t i = 0; i < toy_cues.size(); ++i) EXPECT_EQ(toy_cues[i].importance, static_cast<int>(i / 3));
}

TEST(MakePost, FollowsItsGrammar) {
  for (std::uint32_t i = 0; i < 1000; ++i) {
    auto random = numbers(i);
    const ToyPost post = make_post(random);
    ASSERT_EQ(parse_post(post.text), post.facts) << post.text;
    ASSERT_TRUE(post.facts.size() >= 4 && post.facts.size() <= 6);
    ASSERT_LE(split_words(post.text).size(), 37U);
    const auto has = [&](int importance) {
      return std::any_of(post.facts.begin(), post.facts.end(),
                         [&](const ToyFact& fact) { return fact.importance == importance; });
    };
    ASSERT_TRUE(has(0) && has(2)) << post.text;
  }
}

// 2,000 posts: the share of 5 facts is 1/2 with standard error 0.011; every noun is in 5/20 of the posts (0.0097).
TEST(MakePost, DrawsCountsAndNounsAsSpecified) {
  constexpr int posts = 2000;
  std::map<std::size_t, int> counts;
  std::map<std::string_view, int> nouns;
  std::set<std::string_view> greetings;
  for (std::uint32_t i = 0; i < posts; ++i) {
    auto random = numbers(i);
    const ToyPost post = make_post(random);
    ++counts[post.facts.size()];
    for (const ToyFact& fact : post.facts) ++nouns[fact.noun];
    greetings.insert(toy_greetings[0] == post.text.substr(0, toy_greetings[0].size()) ? "hi" : "other");
  }
  EXPECT_NEAR(counts[5], posts * 0.5, 5 * 0.0112 * posts);
  EXPECT_NEAR(counts[4], posts * 0.25, 5 * 0.0097 * posts);
  EXPECT_EQ(nouns.size(), toy_nouns.size());
  for (const auto& [noun, count] : nouns) EXPECT_NEAR(count, posts * 0.25, 5 * 0.0097 * posts) << noun;
  EXPECT_EQ(greetings.size(), 2U);
}

TEST(ParsePost, FindsFactsAndImportances) {
  EXPECT_THAT(parse_post("so , plus my phone froze . sadly my car rattled . randomly my rent rose ."),
              ElementsAre(ToyFact{"phone", "froze", 1}, ToyFact{"car", "rattled", 2}, ToyFact{"rent", "rose", 0}));
}

struct WrongPost {
  std::string text;
  std::string expected;
};

TEST(ParsePost, RefusesOtherTextsWithTheReason) {
  const std::vector<WrongPost> table = {
      {"", "it tells no fact"},
      {"hi all , what now ?", "it tells no fact"},
      {"Tell me a joke", "it tells no fact"},
      {"mainly my roof collapsed", "a fact must read"},
      {"mainly the roof collapsed .", "a fact must read"},
      {"mainly my ship collapsed .", "a fact must read"},
      {"mainly my", "a fact must read"},
      {"mainly my roof howled .", "'howled' is no event of roof"},
      {"mainly my roof collapsed . also my roof sagged .", "it tells two facts of roof"},
      {"mainly my roof collapsed . what now ? bye", "'bye' does not belong there"},
      {"hi all , so , mainly my roof collapsed .", "it tells no fact"},
      {"mainly my roof collapsed . my dog howled .", "'my' does not belong there"},
  };
  for (const WrongPost& wrong : table) {
    try {
      (void)parse_post(wrong.text);
      ADD_FAILURE() << "no error: " << wrong.text;
    } catch (const DataError& error) {
      EXPECT_THAT(error.what(), HasSubstr(wrong.expected));
    }
  }
}

}  // namespace
}  // namespace westofn::world
