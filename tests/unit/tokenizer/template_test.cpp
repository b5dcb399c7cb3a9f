// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/template.h"

#include <gtest/gtest.h>

#include "small_tokenizer.h"
#include "util/error.h"
#include "util/text.h"

namespace westofn::tokenizer {
namespace {

const std::vector<std::string> pair_names = {"prompt", "a", "b"};

Template pairwise() { return {std::string(default_pairwise_template), pair_names}; }

/// The truncation as the method says it: one character less after the other until it fits.
std::optional<Tokens> slow_encode(const Tokenizer& tokenizer, std::string prompt, const std::string& a,
                                  const std::string& b, std::int64_t max_tokens, CutPrompt cut) {
  while (true) {
    Tokens ids = tokenizer.encode_with_end("[CONTEXT] " + prompt + " [RESPONSE A] " + a + " [RESPONSE B] " + b);
    if (std::ssize(ids) <= max_tokens) return ids;
    if (prompt.empty()) return std::nullopt;
    if (cut == CutPrompt::start) {
      do prompt.erase(0, 1);
      while (!prompt.empty() && (static_cast<unsigned char>(prompt.front()) & 0xC0U) == 0x80U);
    } else {
      while ((static_cast<unsigned char>(prompt.back()) & 0xC0U) == 0x80U) prompt.pop_back();
      prompt.pop_back();
    }
  }
}

TEST(Template, IsFilledInOnePass) {
  EXPECT_EQ(pairwise().fill({{"prompt", "{a} {b}"}, {"a", "{prompt}"}, {"b", "}{"}}),
            "[CONTEXT] {a} {b} [RESPONSE A] {prompt} [RESPONSE B] }{");
  EXPECT_EQ(pairwise().fill({{"b", "3"}, {"a", "2"}, {"prompt", "1"}}), "[CONTEXT] 1 [RESPONSE A] 2 [RESPONSE B] 3");
  EXPECT_EQ(Template("{b}{a}{prompt}", pair_names).fill({{"prompt", "1"}, {"a", "2"}, {"b", "3"}}), "321");
}

TEST(Template, KeepsOtherBracesAsTheyAre) {
  EXPECT_EQ(Template("{ {} {x y} {{a}} {", {"a"}).fill({{"a", "1"}}), "{ {} {x y} {1} {");
}

TEST(Template, NeedsEveryNameOnceAndNoOther) {
  EXPECT_THROW(Template("{prompt} {a}", pair_names), ConfigError);
  EXPECT_THROW(Template("{prompt} {a} {b} {a}", pair_names), ConfigError);
  EXPECT_THROW(Template("{prompt} {a} {b} {c}", pair_names), ConfigError);
  EXPECT_THROW(Template("", pair_names), ConfigError);
  EXPECT_THROW(Template("\xFF{a}", {"a"}), ConfigError);
}

TEST(Template, CutsNothingThatFits) {
  const Tokenizer tokenizer = small_tokenizer();
  const std::vector<TemplateValue> values = {{"prompt", "the dog"}, {"a", "cats"}, {"b", "mats"}};
  const Tokens whole = tokenizer.encode_with_end(pairwise().fill(values));
  EXPECT_EQ(pairwise().encode(tokenizer, values, std::nullopt, CutPrompt::start), whole);
  EXPECT_EQ(pairwise().encode(tokenizer, values, std::ssize(whole), CutPrompt::start), whole);
  EXPECT_NE(pairwise().encode(tokenizer, values, std::ssize(whole) - 1, CutPrompt::start), whole);
}

TEST(Template, CutsAsFewCharactersAsPossibleFromEitherEnd) {
  const Tokenizer tokenizer = small_tokenizer();
  RandomSequence random(Philox("cut", 1, 0, ""));
  int cuts = 0;
  int refusals = 0;
  for (int i = 0; i < 25; ++i) {
    const std::string prompt = small_text(random, static_cast<int>(random.below(20)));
    const std::string a = small_text(random, 3);
    const std::string b = small_text(random, 3);
    const auto shortest = std::ssize(tokenizer.encode_with_end("[CONTEXT] [RESPONSE A] " + a + " [RESPONSE B] " + b));
    const auto most = shortest - 4 + static_cast<std::int64_t>(random.below(25));
    for (const CutPrompt cut : {CutPrompt::start, CutPrompt::end}) {
      const auto fast = pairwise().encode(tokenizer, {{"prompt", prompt}, {"a", a}, {"b", b}}, most, cut);
      EXPECT_EQ(fast, slow_encode(tokenizer, prompt, a, b, most, cut)) << prompt << " in " << most;
      if (!fast) ++refusals;
      if (fast && std::ssize(*fast) == most) ++cuts;
    }
  }
  EXPECT_GT(cuts, 5);
  EXPECT_GT(refusals, 0);
}

TEST(Template, NeverCutsInsideACharacter) {
  const Tokenizer tokenizer = small_tokenizer();
  std::string prompt;
  for (int i = 0; i < 15; ++i) prompt += "é日🙂 ";
  for (std::int64_t most = 15; most < 60; most += 3) {
    for (const CutPrompt cut : {CutPrompt::start, CutPrompt::end}) {
      const auto ids = pairwise().encode(tokenizer, {{"prompt", prompt}, {"a", "cats"}, {"b", "mats"}}, most, cut);
      if (!ids) continue;
      EXPECT_LE(std::ssize(*ids), most);
      EXPECT_EQ(*ids, *slow_encode(tokenizer, prompt, "cats", "mats", most, cut));
      EXPECT_FALSE(find_invalid_utf8(tokenizer.decode(*ids)));
      EXPECT_EQ(tokenizer.decode(*ids).find("\uFFFD"), std::string::npos) << "half a character";
    }
  }
}

TEST(Template, CutsATextWithoutBlanks) {
  const Tokenizer tokenizer = small_tokenizer();
  std::string prompt;
  for (int i = 0; i < 60; ++i) prompt += "日本語";
  for (const CutPrompt cut : {CutPrompt::start, CutPrompt::end}) {
    const auto ids = pairwise().encode(tokenizer, {{"prompt", prompt}, {"a", "cats"}, {"b", "mats"}}, 80, cut);
    ASSERT_TRUE(ids);
    EXPECT_EQ(*ids, *slow_encode(tokenizer, prompt, "cats", "mats", 80, cut));
  }
}

TEST(Template, RefusesResponsesThatAloneAreTooLong) {
  const Tokenizer tokenizer = small_tokenizer();
  EXPECT_FALSE(pairwise().encode(tokenizer, {{"prompt", ""}, {"a", "cats"}, {"b", "mats"}}, 3, CutPrompt::end));
  EXPECT_FALSE(pairwise().encode(tokenizer, {{"prompt", "the dog"}, {"a", "cats"}, {"b", "mats"}}, 3, CutPrompt::end));
}

}  // namespace
}  // namespace westofn::tokenizer
