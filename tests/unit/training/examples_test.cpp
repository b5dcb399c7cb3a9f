// SPDX-License-Identifier: Apache-2.0
#include "training/examples.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace westofn::training {
namespace {

using ::testing::ElementsAre;

const tokenizer::Tokenizer& toy_tokenizer() {
  static const auto instance = tokenizer::Tokenizer::load(WESTOFN_TOY_MODEL, 152);
  return instance;
}

scoring::ScoringConfig config_of(scoring::ScoreKind kind, std::int64_t max_tokens) {
  scoring::ScoringConfig config;
  config.kind = kind;
  config.template_text = kind == scoring::ScoreKind::pairwise ? tokenizer::default_pairwise_template
                                                              : tokenizer::default_pointwise_template;
  config.max_input_tokens = max_tokens;
  return config;
}

/// A text of a hundred tokens.
std::string make_long_text() {
  std::string text = "my";
  for (int i = 0; i < 99; ++i) text += " cat";
  return text;
}

const std::string long_text = make_long_text();

std::vector<dataset::LabelledPair> some_pairs() {
  return {{"hey", "my cat", "mom"}, {"hey", long_text, "mom"}, {"hey", "job", "job"}, {"hey", "roof", "son"}};
}

TEST(EncodePairs, CountsWhatItCannotUse) {
  const scoring::PairwiseFormat format(toy_tokenizer(), config_of(scoring::ScoreKind::pairwise, 60));
  int beats = 0;
  const PairExamples examples = encode_pairs(format, some_pairs(), [&] { ++beats; });
  ASSERT_EQ(examples.balance.used, 2);
  EXPECT_EQ(examples.balance.too_long, 1);
  EXPECT_EQ(examples.balance.equal, 1);
  EXPECT_THAT(examples.places, ElementsAre(0, -1, -1, 1));
  ASSERT_EQ(examples.pairs.size(), 2U);
  EXPECT_EQ(examples.pairs[0].first, format.encode("hey", "my cat", "mom"));
  EXPECT_EQ(examples.pairs[0].second, format.encode("hey", "mom", "my cat"));
  EXPECT_EQ(beats, 4);
}

TEST(EncodePairs, CountsForPointwiseModelsAsWell) {
  const scoring::PointwiseFormat format(toy_tokenizer(), config_of(scoring::ScoreKind::pointwise, 60));
  auto pairs = some_pairs();
  pairs.push_back({"hey", "rent", long_text});
  const PairExamples examples = encode_pairs(format, pairs, [] {});
  ASSERT_EQ(examples.balance.used, 2);
  EXPECT_EQ(examples.balance.too_long, 2);
  EXPECT_EQ(examples.balance.equal, 1);
  EXPECT_EQ(examples.pairs[1].first, format.encode("hey", "roof"));
  EXPECT_EQ(examples.pairs[1].second, format.encode("hey", "son"));
}

TEST(EncodePairs, KeepsConfidenceAndIdOfEachPair) {
  const scoring::PointwiseFormat format(toy_tokenizer(), config_of(scoring::ScoreKind::pointwise, 60));
  auto pairs = some_pairs();
  pairs[3].confidence = 0.75;
  pairs[3].id = "p4";
  const PairExamples examples = encode_pairs(format, pairs, [] {});
  EXPECT_EQ(examples.pairs[0].confidence, 1);
  EXPECT_EQ(examples.pairs[1].confidence, 0.75);
  EXPECT_EQ(examples.pairs[1].id, "p4");
}

TEST(LengthsOf, AreThoseOfTheLongerInputAndOfInputAndTargetTogether) {
  const std::vector<PairExample> pairs = {{{1, 2, 3}, {1}}, {{1}, {1, 2}}};
  EXPECT_THAT(lengths_of(pairs), ElementsAre(3, 2));
  const std::vector<TextExample> rows = {{{1, 2, 3}, {1}}, {{1}, {1, 2}}};
  EXPECT_THAT(lengths_of(rows), ElementsAre(4, 3));
}

TEST(ExampleOrder, GivesThePlaceOfAnUnusableRowToTheNextOfItsSource) {
  const scoring::PointwiseFormat format(toy_tokenizer(), config_of(scoring::ScoreKind::pointwise, 60));
  dataset::PairSet set{some_pairs(), {3, 1, 0, 2, 3, 0}, 4};  // pairs 1 and 2 cannot be used
  const PairExamples examples = encode_pairs(format, set.pairs, [] {});
  EXPECT_THAT(example_order(set, examples), ElementsAre(1, 0, 1, 0, 1, 0));
  set.human = 2;  // places: synthetic, human, human, synthetic, synthetic, human
  EXPECT_THAT(example_order(set, examples), ElementsAre(1, 0, 0, 1, 1, 0));
}

TEST(TextEncoder, RefusesLongResponsesAndCutsLongPrompts) {
  PolicySettings settings;
  settings.max_input_tokens = 8;
  settings.max_target_tokens = 6;
  TextExamples examples;
  const TextEncoder encoder(toy_tokenizer(), settings, [] {});
  encoder.add("my wife", "left", examples);
  encoder.add("my wife", long_text, examples);
  encoder.add(long_text, "cried", examples, "third");
  ASSERT_EQ(examples.balance.used, 2);
  EXPECT_EQ(examples.balance.too_long, 1);
  ASSERT_EQ(examples.rows.size(), 2U);
  EXPECT_EQ(examples.rows[0].target, toy_tokenizer().encode_with_end("left"));
  EXPECT_EQ(examples.rows[0].input, toy_tokenizer().encode_with_end("my wife"));
  EXPECT_EQ(examples.rows[1].id, "third");
  EXPECT_LE(examples.rows[1].input.size(), 8U);
  EXPECT_EQ(examples.rows[1].input.back(), toy_tokenizer().end_id());
}

}  // namespace
}  // namespace westofn::training
