// SPDX-License-Identifier: Apache-2.0
// Responses: how people of each skill write, and what is read back from a text.
#include "world/toy_response.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace westofn::world {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ParseResponse, FindsAllParts) {
  const ToyResponse response = parse_response("help : roof collapsed and dog howled . please advise .");
  EXPECT_THAT(response.mentions, ElementsAre(ToyMention{"roof", "collapsed"}, ToyMention{"dog", "howled"}));
  EXPECT_EQ(response.opener_value, 30);
  EXPECT_EQ(response.closer_value, 40);
  EXPECT_TRUE(response.well_formed);
  EXPECT_EQ(response.words, 11U);
}

TEST(ParseResponse, KeepsWhatParsesOfAMalformedText) {
  const ToyResponse response = parse_response("xyzzy roof collapsed dog howled and");
  EXPECT_THAT(response.mentions, ElementsAre(ToyMention{"roof", "collapsed"}, ToyMention{"dog", "howled"}));
  EXPECT_FALSE(response.well_formed);
}

TEST(ParseResponse, FindsNothingInAnEmptyText) {
  const ToyResponse response = parse_response("");
  EXPECT_THAT(response.mentions, IsEmpty());
  EXPECT_FALSE(response.well_formed);
  EXPECT_EQ(response.words, 0U);
}

/// What a skill did in 2,000 responses.
struct Tally {
  double wrong = 0;
  double openers = 0;
  double repeats = 0;
  double mentions = 0;
};

Tally tally(ToySkill skill) {
  constexpr int responses = 2000;
  Tally sum;
  for (std::uint32_t i = 0; i < responses; ++i) {
    RandomSequence random(Philox("toy-response-test", 1, 0, ""), i);
    const ToyPost post = make_post(random);
    const std::string text = demonstrate(random, post, skill);
    const ToyResponse response = parse_response(text);
    EXPECT_TRUE(response.well_formed) << text;
    EXPECT_LE(response.words, 18U) << text;
    EXPECT_LE(response.mentions.size(), 4U) << text;
    for (auto mention = response.mentions.begin(); mention != response.mentions.end(); ++mention) {
      const bool is_right = std::any_of(post.facts.begin(), post.facts.end(), [&](const ToyFact& fact) {
        return fact.noun == mention->noun && fact.event == mention->event;
      });
      sum.wrong += is_right ? 0 : 1;
      sum.repeats += std::find(response.mentions.begin(), mention, *mention) != mention ? 1 : 0;
      sum.mentions += 1;
    }
    const bool has_opener = find_noun(split_words(text).front()) == nullptr;
    sum.openers += has_opener ? 1 : 0;
  }
  return {sum.wrong / sum.mentions, sum.openers / responses, sum.repeats / responses, sum.mentions / responses};
}

// Tolerances are 5 standard errors of shares among 2,000 responses (4,000 and more mentions).
TEST(Demonstrate, MakesTheMistakesOfItsSkill) {
  const Tally novice = tally(ToySkill::novice);
  EXPECT_NEAR(novice.wrong, 0.30, 5 * 0.0069);
  EXPECT_NEAR(novice.openers, 0.6, 5 * 0.011);
  EXPECT_NEAR(novice.repeats, 0.10, 5 * 0.0067 + 0.01);  // a copy behind four mentions is cut off
  EXPECT_NEAR(novice.mentions, 2.4 + 0.08, 5 * 0.024);   // mean of 1 2 2 3 4, and the repeated ones
  const Tally average = tally(ToySkill::average);
  EXPECT_NEAR(average.wrong, 0.12, 5 * 0.0049);
  EXPECT_NEAR(average.openers, 0.4, 5 * 0.011);
  EXPECT_NEAR(average.repeats, 0.04, 5 * 0.0044);
  const Tally expert = tally(ToySkill::expert);
  EXPECT_NEAR(expert.wrong, 0.03, 5 * 0.0024);
  EXPECT_NEAR(expert.openers, 0.3, 5 * 0.0102);
  EXPECT_NEAR(expert.repeats, 0.01, 5 * 0.0022);
  EXPECT_NEAR(expert.mentions, 2.5 + 0.01, 5 * 0.0114);
}

}  // namespace
}  // namespace westofn::world
