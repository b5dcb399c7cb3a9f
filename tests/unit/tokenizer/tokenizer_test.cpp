// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/tokenizer.h"

#include <gtest/gtest.h>
#include <algorithm>
#include <filesystem>

#include "small_tokenizer.h"
#include "support/temporary_folder.h"
#include "util/error.h"

namespace westofn::tokenizer {
namespace {

template <class F>
std::string message_of_data_error(F&& f) {
  try {
    f();
  } catch (const DataError& error) {
    return error.what();
  }
  return "no DataError";
}

TEST(Tokenizer, GivesBackTheTextItEncoded) {
  const Tokenizer tokenizer = small_tokenizer();
  RandomSequence random(Philox("round trip", 1, 0, ""));
  for (int i = 0; i < 100; ++i) {
    std::string text = small_text(random, 1 + i % 20);
    std::replace(text.begin(), text.end(), '\n', ' ');
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
    EXPECT_EQ(tokenizer.decode(tokenizer.encode_with_end(text)), text);
  }
}

TEST(Tokenizer, EndsATextWithTheEndToken) {
  const Tokenizer tokenizer = small_tokenizer();
  Tokens ids = tokenizer.encode("the dog");
  ids.push_back(1);
  EXPECT_EQ(tokenizer.encode_with_end("the dog"), ids);
  EXPECT_EQ(tokenizer.encode_with_end(""), Tokens{1});
}

TEST(Tokenizer, PutsSentinelsAboveThePiecesInFallingOrder) {
  const Tokenizer tokenizer = small_tokenizer();
  const auto pieces = static_cast<TokenId>(tokenizer.pieces());
  EXPECT_EQ(tokenizer.encode("<extra_id_0>"), Tokens{pieces + 99});
  EXPECT_EQ(tokenizer.encode("<extra_id_99>"), Tokens{pieces});
  Tokens expected = tokenizer.encode("the dog");
  expected.push_back(pieces + 92);
  const Tokens rest = tokenizer.encode("barked");
  expected.insert(expected.end(), rest.begin(), rest.end());
  EXPECT_EQ(tokenizer.encode("the dog <extra_id_7> barked"), expected);
  EXPECT_EQ(tokenizer.decode(expected), "the dog<extra_id_7> barked");
  EXPECT_EQ(tokenizer.decode(Tokens{pieces + 99, pieces + 98}), "<extra_id_0><extra_id_1>");
}

TEST(Tokenizer, TakesOnlyProperlyWrittenSentinels) {
  const Tokenizer tokenizer = small_tokenizer();
  for (const char* text :
       {"<extra_id_100>", "<extra_id_>", "<extra_id_07>", "<extra_id_-1>", "<extra_id_7", "<extra_id_7 >"}) {
    for (const TokenId id : tokenizer.encode(text)) EXPECT_LT(id, tokenizer.pieces()) << text;
  }
  EXPECT_EQ(tokenizer.encode("<extra_id_<extra_id_3>").back(), tokenizer.pieces() + 96);
}

TEST(Tokenizer, KnowsSentinelsOnlyWhereTheModelHasRoom) {
  const std::int64_t pieces = small_tokenizer().pieces();
  for (const TokenId id : small_tokenizer(pieces + 99).encode("<extra_id_3>")) EXPECT_LT(id, pieces);
  EXPECT_EQ(small_tokenizer(pieces + 100).encode("<extra_id_3>").front(), pieces + 96);
}

TEST(Tokenizer, DecodesPaddingAndUnusedIdsToNothing) {
  const Tokenizer tokenizer = small_tokenizer();
  const auto pieces = static_cast<TokenId>(tokenizer.pieces());
  Tokens ids = {0, 0};
  for (const TokenId id : tokenizer.encode_with_end("the dog")) ids.push_back(id);
  ids.push_back(0);
  ids.push_back(pieces + 100);
  EXPECT_EQ(tokenizer.decode(ids), "the dog");
  EXPECT_EQ(small_tokenizer(pieces + 20).decode(Tokens{pieces + 3}), "");
  EXPECT_EQ(tokenizer.decode(Tokens{}), "");
}

TEST(Tokenizer, GivesEveryUnknownWordItsOwnUnknownToken) {
  const Tokenizer tokenizer = small_tokenizer();
  const Tokens ids = tokenizer.encode("ЖЖ ЩЩ the Ж");
  EXPECT_EQ(std::count(ids.begin(), ids.end(), 2), 3);
}

TEST(Tokenizer, TakesLineBreaksForBlanks) {
  const Tokenizer tokenizer = small_tokenizer();
  EXPECT_EQ(tokenizer.encode("the\ndog\t\r\n barked\n"), tokenizer.encode("the dog barked"));
}

TEST(Tokenizer, FindsTheOnePieceOfALabel) {
  const Tokenizer tokenizer = small_tokenizer();
  EXPECT_EQ(Tokens{tokenizer.label("A")}, tokenizer.encode("A"));
  EXPECT_NE(tokenizer.label("A"), tokenizer.label("B"));
  EXPECT_THROW((void)tokenizer.label("A B"), ConfigError);
  EXPECT_THROW((void)tokenizer.label(""), ConfigError);
  EXPECT_THROW((void)tokenizer.label("ЖЖ"), ConfigError);
}

TEST(Tokenizer, ReadsTheFolderOfAModel) {
  const testing::TemporaryFolder folder;
  const std::string path = folder.path().string();
  EXPECT_NE(message_of_data_error([&] { (void)Tokenizer::load(path, 1000); }).find("spiece.model: no such file"),
            std::string::npos);
  (void)folder.write("tokenizer.json", "{}");
  EXPECT_NE(message_of_data_error([&] { (void)Tokenizer::load(path, 1000); }).find("copy the spiece.model of"),
            std::string::npos);
  (void)folder.write("spiece.model", small_model());
  const Tokenizer tokenizer = Tokenizer::load(path, 1000);
  EXPECT_EQ(tokenizer.model_bytes(), small_model());
  EXPECT_EQ(tokenizer.encode("the dog"), small_tokenizer().encode("the dog"));
  EXPECT_NE(message_of_data_error([&] { (void)Tokenizer::load(path, 50); }).find("room for 50"), std::string::npos);
}

TEST(Tokenizer, RefusesAFileThatIsTooLargeWithoutReadingIt) {
  const testing::TemporaryFolder folder;
  std::filesystem::resize_file(folder.write("spiece.model", "x"), (std::uint64_t{64} << 20U) + 1);
  EXPECT_NE(message_of_data_error([&] { (void)Tokenizer::load(folder.path().string(), 1000); }).find("more than"),
            std::string::npos);
}

}  // namespace
}  // namespace westofn::tokenizer
