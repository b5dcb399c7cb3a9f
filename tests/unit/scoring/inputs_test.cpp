// SPDX-License-Identifier: Apache-2.0
#include "scoring/inputs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "util/error.h"

namespace westofn::scoring {
namespace {

using tokenizer::Tokens;

const tokenizer::Tokenizer& toy_tokenizer() {
  static const auto instance = tokenizer::Tokenizer::load(WESTOFN_TOY_MODEL, 152);
  return instance;
}

ScoringConfig pairwise() {
  ScoringConfig config;
  config.template_text = tokenizer::default_pairwise_template;
  return config;
}

constexpr const char* prompt = "my cat barked and my dog left so i called the sister now";

TEST(PairwiseFormat, FillsTheTemplateInTheGivenOrder) {
  const PairwiseFormat format(toy_tokenizer(), pairwise());
  EXPECT_EQ(format.encode("x", "left", "fell"),
            toy_tokenizer().encode_with_end("[CONTEXT] x [RESPONSE A] left [RESPONSE B] fell"));
  EXPECT_EQ(format.encode("x", "{b}", "{a}"),
            toy_tokenizer().encode_with_end("[CONTEXT] x [RESPONSE A] {b} [RESPONSE B] {a}"));
  EXPECT_EQ(format.first_label(), toy_tokenizer().label("A"));
  EXPECT_EQ(format.second_label(), toy_tokenizer().label("B"));
}

TEST(PairwiseFormat, CutsThePromptAndNeverTheResponses) {
  ScoringConfig config = pairwise();
  const auto whole = PairwiseFormat(toy_tokenizer(), config).encode(prompt, "my cat", "my laptop");
  const auto bare = PairwiseFormat(toy_tokenizer(), config).encode("", "my cat", "my laptop");
  ASSERT_TRUE(whole && bare);
  config.max_input_tokens = static_cast<std::int64_t>(whole->size()) - 3;
  const auto cut = PairwiseFormat(toy_tokenizer(), config).encode(prompt, "my cat", "my laptop");
  ASSERT_TRUE(cut);
  EXPECT_LE(cut->size(), whole->size() - 3);
  const Tokens end = toy_tokenizer().encode_with_end("my cat [RESPONSE B] my laptop");
  EXPECT_EQ(Tokens(cut->end() - std::ssize(end), cut->end()), end);
  config.max_input_tokens = static_cast<std::int64_t>(bare->size()) - 1;
  EXPECT_EQ(PairwiseFormat(toy_tokenizer(), config).encode(prompt, "my cat", "my laptop"), std::nullopt);
}

TEST(PairwiseFormat, RefusesLabelsAndTemplatesThatDoNotFit) {
  ScoringConfig config = pairwise();
  config.second_label = "A";
  EXPECT_THROW(PairwiseFormat(toy_tokenizer(), config), ConfigError);
  config.second_label = "two words";
  EXPECT_THROW(PairwiseFormat(toy_tokenizer(), config), ConfigError);
  config = pairwise();
  config.template_text = "{prompt} {a}";
  EXPECT_THROW(PairwiseFormat(toy_tokenizer(), config), ConfigError);
}

TEST(PointwiseFormat, FillsAndRefusesAsThePairwiseOne) {
  ScoringConfig config;
  config.template_text = tokenizer::default_pointwise_template;
  EXPECT_EQ(PointwiseFormat(toy_tokenizer(), config).encode("x", "y"),
            toy_tokenizer().encode_with_end("[CONTEXT] x [RESPONSE] y"));
  config.max_input_tokens = 3;
  EXPECT_EQ(PointwiseFormat(toy_tokenizer(), config).encode("x", prompt), std::nullopt);
}

TEST(EncodePrompt, KeepsTheEndTokenAndOneEndOfThePrompt) {
  const Tokens whole = toy_tokenizer().encode(prompt);
  const auto encode = [](std::optional<std::int64_t> limit, tokenizer::CutPrompt cut) {
    return encode_prompt(toy_tokenizer(), prompt, limit, cut);
  };
  Tokens expected = whole;
  expected.push_back(1);
  EXPECT_EQ(encode(std::nullopt, tokenizer::CutPrompt::start), expected);
  EXPECT_EQ(encode(static_cast<std::int64_t>(expected.size()), tokenizer::CutPrompt::start), expected);
  EXPECT_EQ(encode(4, tokenizer::CutPrompt::end), (Tokens{whole[0], whole[1], whole[2], 1}));
  EXPECT_EQ(encode(3, tokenizer::CutPrompt::start), (Tokens{whole[whole.size() - 2], whole.back(), 1}));
  EXPECT_EQ(encode(1, tokenizer::CutPrompt::end), Tokens{1});
  EXPECT_EQ(encode_prompt(toy_tokenizer(), "", 1, tokenizer::CutPrompt::end), Tokens{1});
}

}  // namespace
}  // namespace westofn::scoring
