// SPDX-License-Identifier: Apache-2.0
// The rule `pointwise` on a shard of pools with a plain formula as teacher, up to its pairs.
#include "synthesis/score_shard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "support/expect_error.h"
#include "support/temporary_folder.h"
#include "synthesis/choose_pairs.h"
#include "util/error.h"

namespace westofn::synthesis {
namespace {

using ::testing::ElementsAre;
using testing::expect_data_error;
using testing::TemporaryFolder;

/// One response a letter.
Pool make_pool(std::int64_t index, const std::string& letters) {
  Pool pool;
  pool.index = index;
  pool.prompt.id = "id" + std::to_string(index);
  for (const char letter : letters) {
    const std::string text = letter == ' ' ? "" : std::string(1, letter);
    pool.samples.push_back({static_cast<std::int32_t>(pool.samples.size()), {letter, 1}, text, -1, true});
  }
  return pool;
}

/// Later letters are better; x is too long, z gives no number.
class LetterScorer {
 public:
  [[nodiscard]] ResponseScorer scorer() {
    return {[](std::string_view, std::string_view response) -> std::optional<tokenizer::Tokens> {
              if (response == "x") return std::nullopt;
              return tokenizer::Tokens{response[0]};
            },
            [this](std::span<const tokenizer::Tokens> inputs) {
              std::vector<double> scores;
              for (const auto& input : inputs) {
                ++asked;
                const bool is_bad = input[0] == 'z';
                scores.push_back(is_bad ? std::numeric_limits<double>::infinity() : 0.25 * (input[0] - 'a'));
              }
              return scores;
            }};
  }

  std::int64_t asked = 0;
};

constexpr MatchSettings settings{selection::Rule::pointwise, 4};

std::vector<Pool> pools() {
  return {make_pool(0, "cadb"), make_pool(1, "aaaa"), make_pool(2, "abxc"),
          make_pool(3, "azbc"), make_pool(4, " b b"), make_pool(5, "dcdc")};
}

TEST(ScoreShard, AsksForEveryContestantOnceAndMatchesBestAgainstWorst) {
  LetterScorer letters;
  const io::MatchShard shard = score_shard(pools(), settings, letters.scorer());
  EXPECT_EQ(letters.asked, 4 + 4 + 2) << "four of pool 0, four of pool 3, two of pool 5";
  EXPECT_EQ(shard.scored, letters.asked);
  EXPECT_THAT(shard.prompts, ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(shard.outcomes, ElementsAre(PairOutcome::kept, PairOutcome::one_response, PairOutcome::too_long,
                                          PairOutcome::non_finite, PairOutcome::one_response, PairOutcome::kept));
  EXPECT_THAT(shard.scores, ElementsAre(ScoredSample{0, 0, 0.5}, ScoredSample{0, 1, 0}, ScoredSample{0, 2, 0.75},
                                        ScoredSample{0, 3, 0.25}, ScoredSample{5, 0, 0.75}, ScoredSample{5, 1, 0.5}));
  ASSERT_EQ(shard.matches.size(), 2U);
  EXPECT_EQ(shard.matches[0].a, 2);
  EXPECT_EQ(shard.matches[0].b, 1);
  EXPECT_EQ(shard.matches[0].winner, 2);
  EXPECT_EQ(shard.matches[0].p_ab, 1 / (1 + std::exp(-0.75)));
  EXPECT_TRUE(std::isnan(shard.matches[0].p_ba_swapped));
}

TEST(ScoreShard, GivesItsPairsAlsoFromTheFile) {
  const TemporaryFolder folder;
  LetterScorer letters;
  const auto info = io::write_matches(folder / "m.h5", score_shard(pools(), settings, letters.scorer()));
  const io::MatchShard shard = io::read_matches(folder / "m.h5", info);
  EXPECT_EQ(shard.scores.size(), 6U);
  const auto pairs = choose_pairs(pools(), shard, settings, 1);
  ASSERT_EQ(pairs.size(), 6U);
  EXPECT_EQ(pairs[0].outcome, PairOutcome::kept);
  EXPECT_EQ(pairs[0].chosen_response, "d");
  EXPECT_EQ(pairs[0].rejected_response, "a");
  EXPECT_EQ(pairs[0].confidence, 1 / (1 + std::exp(-0.75)));
  EXPECT_EQ(pairs[2].outcome, PairOutcome::too_long);
  EXPECT_EQ(pairs[3].outcome, PairOutcome::non_finite);
  EXPECT_EQ(pairs[5].chosen_response, "d");
  EXPECT_EQ(pairs[5].rejected_response, "c");
}

TEST(ScoreShard, RefusesPoolsThatAreTooSmallAndScoresOfAnotherN) {
  LetterScorer letters;
  const std::vector<Pool> four = {make_pool(0, "cadb")};
  EXPECT_THROW((void)score_shard(four, {selection::Rule::pointwise, 5}, letters.scorer()), ConfigError);
  const io::MatchShard shard = score_shard(four, settings, letters.scorer());
  expect_data_error(
      [&] {
        (void)choose_pairs(four, shard, {selection::Rule::pointwise, 3}, 1);
      },
      "the matches belong to another rule or N");
}

TEST(ScoreShard, RefusesAFileWithADamagedScore) {
  const TemporaryFolder folder;
  io::MatchShard shard;
  shard.scores.push_back({0, 0, std::numeric_limits<double>::infinity()});
  io::write_matches(folder / "m.h5", shard);
  expect_data_error([&] { (void)io::read_matches(folder / "m.h5"); }, "/scores/score: row 0");
}

}  // namespace
}  // namespace westofn::synthesis
