// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/check_model.h"

#include <gtest/gtest.h>

#include <cstring>

#include "small_tokenizer.h"
#include "util/error.h"

namespace westofn::tokenizer {
namespace {

void append_varint(std::string& bytes, std::uint64_t value) {
  for (; value >= 0x80U; value >>= 7U) bytes += static_cast<char>(value | 0x80U);
  bytes += static_cast<char>(value);
}

/// A protobuf field of bytes.
std::string field(std::uint64_t number, const std::string& content) {
  std::string bytes;
  append_varint(bytes, number << 3U | 2U);
  append_varint(bytes, content.size());
  return bytes + content;
}

std::string score_field(float score) {
  std::string bytes(1, static_cast<char>(2U << 3U | 5U));
  bytes.resize(5);
  std::memcpy(bytes.data() + 1, &score, sizeof(score));
  return bytes;
}

/// A normalisation table of these units and texts, as the third field of a model that has a piece.
std::string model_with_table(const std::vector<std::uint32_t>& units, const std::string& texts) {
  const auto size = static_cast<std::uint32_t>(units.size() * sizeof(std::uint32_t));
  std::string table(sizeof(size) + size, '\0');
  std::memcpy(table.data(), &size, sizeof(size));
  std::memcpy(table.data() + sizeof(size), units.data(), size);
  return field(1, field(1, "a")) + field(3, field(2, table + texts));
}

TEST(CheckModel, TakesAModelThatWasTrained) {
  EXPECT_NO_THROW(check_model(small_model(), "m"));
  EXPECT_NO_THROW(check_model(field(1, field(1, "a") + score_field(-1)), "m"));
}

TEST(CheckModel, NamesTheFile) {
  try {
    check_model("", "some/spiece.model");
    FAIL();
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what()).find("some/spiece.model"), std::string::npos);
  }
}

TEST(CheckModel, RefusesBadPieces) {
  const std::string good = field(1, field(1, "a"));
  EXPECT_NO_THROW(check_model(good, "m"));
  EXPECT_THROW(check_model(field(1, ""), "m"), DataError);
  EXPECT_THROW(check_model(good + field(1, field(1, "")), "m"), DataError);
  EXPECT_THROW(check_model(good + field(1, field(1, std::string("a\0b", 3))), "m"), DataError);
  EXPECT_THROW(check_model(good + field(1, field(1, std::string(200'000, 'a'))), "m"), DataError);
  EXPECT_THROW(check_model(field(1, field(1, "a") + score_field(std::numeric_limits<float>::quiet_NaN())), "m"),
               DataError);
  EXPECT_THROW(check_model(field(1, field(1, "a") + score_field(-std::numeric_limits<float>::infinity())), "m"),
               DataError);
}

TEST(CheckModel, RefusesBrokenFrames) {
  const std::string good = field(1, field(1, "a"));
  EXPECT_THROW(check_model(good + std::string("\x0A\x7F", 2), "m"), DataError) << "a field longer than the file";
  EXPECT_THROW(check_model(good + std::string("\x0B", 1), "m"), DataError) << "a group";
  EXPECT_THROW(check_model(good + std::string("\x02\x00", 2), "m"), DataError) << "a field without a number";
  EXPECT_THROW(check_model(good + std::string(11, '\xFF'), "m"), DataError) << "a number without an end";
  EXPECT_THROW(check_model(good + field(3, field(2, "abc")), "m"), DataError) << "a table that is cut off";
}

TEST(CheckModel, FollowsTheNormalisationTableAndRefusesWhatLeadsOutside) {
  constexpr std::uint32_t no_node = 0x80000000U;
  constexpr std::uint32_t a = 'a';
  const std::string texts("x\0", 2);
  std::vector<std::uint32_t> table(768, no_node);
  table[0] = 256U << 10U;  // what follows the root stands at 256 ^ byte
  EXPECT_NO_THROW(check_model(model_with_table(table, texts), "m"));
  EXPECT_THROW(check_model(model_with_table(table, "x"), "m"), DataError) << "a text without an end";
  EXPECT_THROW(check_model(model_with_table({table.begin(), table.begin() + 511}, texts), "m"), DataError);

  auto outside = table;
  outside[0] = 100'000U << 10U;
  EXPECT_THROW(check_model(model_with_table(outside, texts), "m"), DataError);

  auto circle = table;  // after an 'a' comes the same table again
  circle[256U ^ a] = a | (a << 10U);
  EXPECT_THROW(check_model(model_with_table(circle, texts), "m"), DataError);

  auto replaced = table;  // 'a' is replaced; what follows it stands at 512, where the offset of its text is
  replaced[256U ^ a] = a | (1U << 8U) | ((512U ^ 256U ^ a) << 10U);
  replaced[512] = no_node | 1U;
  EXPECT_NO_THROW(check_model(model_with_table(replaced, texts), "m"));
  replaced[512] = no_node | 2U;
  EXPECT_THROW(check_model(model_with_table(replaced, texts), "m"), DataError) << "beyond the texts";
}

TEST(CheckModel, RefusesMorePrefixesThanTheLibraryHasRoomFor) {
  constexpr std::uint32_t a = 'a';
  const auto chain = [](std::uint32_t length) {  // "a", "aa", "aaa" ... are all replaced
    std::vector<std::uint32_t> table((length + 2) * 256, 0x80000000U);
    table[0] = 256U << 10U;
    for (std::uint32_t i = 1; i <= length; ++i) {
      const std::uint32_t node = (i * 256) ^ a;
      table[node] = a | (1U << 8U) | ((((i + 1) * 256) ^ node) << 10U);
    }
    return model_with_table(table, std::string("x\0", 2));
  };
  EXPECT_NO_THROW(check_model(chain(32), "m"));
  EXPECT_THROW(check_model(chain(33), "m"), DataError);
}

/// What is read either works or throws DataError; with the sanitizers this also sees what the library does with it.
void use(const std::string& bytes) {
  try {
    const Tokenizer tokenizer = Tokenizer::parse(bytes, std::numeric_limits<std::int64_t>::max(), "damaged");
    (void)tokenizer.decode(tokenizer.encode("the naïve dog ﬁne ㍻ <extra_id_1> 日本語"));
  } catch (const DataError&) {
  }
}

TEST(Tokenizer, RefusesEveryTruncatedModel) {
  const std::string& model = small_model();
  for (std::size_t length = 0; length < 1500; length += 7) {
    // A cut between two fields leaves a model without some of them, which may be whole.
    use(model.substr(0, length));
  }
  EXPECT_THROW((void)Tokenizer::parse("", 1000, "m"), DataError);
  EXPECT_THROW((void)Tokenizer::parse(model.substr(0, model.size() - 1), 1000, "m"), DataError);
}

TEST(Tokenizer, RefusesOrSurvivesRandomBytes) {
  RandomSequence random(Philox("random bytes", 1, 0, ""));
  for (int i = 0; i < 300; ++i) {
    std::string noise(random.below(200), '\0');
    for (auto& byte : noise) byte = static_cast<char>(random.below(256));
    use(noise);
    EXPECT_THROW((void)Tokenizer::parse("\x0B" + noise, 1000, "m"), DataError);
  }
  for (int i = 0; i < 8; ++i) {
    std::string damaged = small_model();
    for (int k = 0; k < 3; ++k)
      damaged[random.below(static_cast<std::uint32_t>(damaged.size()))] = static_cast<char>(random.below(256));
    use(damaged);
  }
}

}  // namespace
}  // namespace westofn::tokenizer
