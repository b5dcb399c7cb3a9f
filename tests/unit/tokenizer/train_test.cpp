// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/train.h"

#include <gtest/gtest.h>

#include "small_tokenizer.h"
#include "util/error.h"

namespace westofn::tokenizer {
namespace {

constexpr TokenizerSettings small_settings = {.vocab_size = 140, .character_coverage = 1, .max_sentences = 1000};

TEST(TrainTokenizer, GivesTheSameBytesEveryTime) {
  EXPECT_EQ(train_tokenizer(small_settings, small_texts()), small_model());
  auto texts = small_texts();
  texts.sentences.emplace_back("quite another text another text another");
  EXPECT_NE(train_tokenizer(small_settings, texts), small_model());
}

TEST(TrainTokenizer, MakesEveryLabelOnePiece) {
  auto texts = small_texts();
  texts.labels = {"A", "B", "preferred", "Yes"};
  const Tokenizer tokenizer = Tokenizer::parse(train_tokenizer(small_settings, texts), 1000, "trained");
  for (const auto& label : texts.labels) EXPECT_EQ(tokenizer.encode(label).size(), 1U) << label;
}

TEST(TrainTokenizer, KeepsToTheVocabularyAndKnowsAllWords) {
  const std::int64_t all = small_tokenizer().pieces();
  const std::string bytes =
      train_tokenizer({.vocab_size = all - 5, .character_coverage = 1, .max_sentences = 1000}, small_texts());
  const Tokenizer tokenizer = Tokenizer::parse(bytes, 1000, "trained");
  EXPECT_LE(tokenizer.pieces(), all - 5);
  EXPECT_GT(tokenizer.pieces(), 50);
  for (const auto& sentence : small_texts().sentences) {
    for (const TokenId id : tokenizer.encode(sentence)) EXPECT_NE(id, 2);
  }
}

TEST(TrainTokenizer, MakesTheWordsOfTemplatesPieces) {
  const Tokenizer tokenizer = small_tokenizer();
  // At most the blank, the bracket, the word and the other bracket.
  EXPECT_LE(tokenizer.encode("[CONTEXT]").size(), 4U);
  EXPECT_LE(tokenizer.encode("[RESPONSE A]").size(), 5U);
}

TEST(TrainTokenizer, TakesACorpusThatIsTooSmallForTheVocabulary) {
  const std::string bytes =
      train_tokenizer({}, {.sentences = {"the dog barked", "\n\n"}, .phrases = {}, .labels = {"A"}});
  const Tokenizer tokenizer = Tokenizer::parse(bytes, 8000, "tiny");
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("the dog barked")), "the dog barked");
  EXPECT_LT(tokenizer.pieces(), 100);
}

TEST(TrainTokenizer, ReadsTheLinesOfATextAndSkipsEmptyOnes) {
  const TrainingTexts lines = {.sentences = {"the dog", "barked", "the dog"}, .phrases = {}, .labels = {"A"}};
  const TrainingTexts text = {.sentences = {"the dog\n\nbarked\n", "", "\nthe dog"}, .phrases = {}, .labels = {"A"}};
  EXPECT_EQ(train_tokenizer({}, text), train_tokenizer({}, lines));
}

TEST(TrainTokenizer, SaysWhatIsWrong) {
  EXPECT_THROW((void)train_tokenizer(small_settings, {}), DataError);
  EXPECT_THROW((void)train_tokenizer(small_settings, {.sentences = {" \n", ""}, .phrases = {}, .labels = {"A"}}),
               DataError);
  auto two_words = small_texts();
  two_words.labels = {"very good"};
  EXPECT_THROW((void)train_tokenizer(small_settings, two_words), ConfigError);
  EXPECT_THROW((void)train_tokenizer({.vocab_size = 32, .character_coverage = 1, .max_sentences = 9}, small_texts()),
               ConfigError)
      << "fewer pieces than characters";
}

}  // namespace
}  // namespace westofn::tokenizer
