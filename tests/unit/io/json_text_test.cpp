// SPDX-License-Identifier: Apache-2.0
// Strict JSON: what is taken, and how a value names its place.
#include "io/json_text.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "support/expect_error.h"

namespace westofn::io {
namespace {

using testing::expect_data_error;

nlohmann::json parse(std::string_view text) { return parse_json(text, {"rows.jsonl", 3}); }

TEST(JsonText, ReadsEveryTypeOfValue) {
  const auto json =
      parse(R"( {"t":true,"f":false,"n":null,"i":-3,"u":18446744073709551615,"d":-2.5e3,"l":[1,[2]],"o":{}} )");
  EXPECT_EQ(json.dump(),
            R"({"d":-2500.0,"f":false,"i":-3,"l":[1,[2]],"n":null,"o":{},"t":true,"u":18446744073709551615})");
}

TEST(JsonText, DecodesEscapesAndSurrogatePairs) {
  EXPECT_EQ(parse(R"("\u00e9\ud83d\ude00\n\/")").get<std::string>(), "é😀\n/");
  EXPECT_EQ(parse(R"("\u0000")").get<std::string>(), std::string(1, '\0'));
}

TEST(JsonText, AcceptsDepth64AndRefuses65) {
  EXPECT_EQ(parse(std::string(64, '[') + std::string(64, ']')).size(), 1);
  expect_data_error([] { (void)parse(std::string(65, '[') + std::string(65, ']')); }, "rows.jsonl:3: more than 64");
}

TEST(JsonText, AllowsOneKeyInDifferentObjects) {
  EXPECT_EQ(parse(R"({"a":{"a":1},"b":[{"a":1},{"a":2}]})")["b"][1]["a"], 2);
}

TEST(JsonText, NamesTheLineWithinATextOfSeveralLines) {
  expect_data_error(
      [] {
        (void)parse_json("{\n\"a\": 1,\n  x}", {"config.json", 0});
      },
      "config.json:3: not valid JSON at column 3");
}

TEST(JsonText, ShowsForeignBytesEscaped) {
  try {
    (void)parse("[\x1b[31m]");
    FAIL();
  } catch (const DataError& error) {
    EXPECT_EQ(std::string_view(error.what()).find('\x1b'), std::string_view::npos);
  }
}

class JsonValueTest : public ::testing::Test {
 protected:
  const TextPlace place_{"rows.jsonl", 7};
  const nlohmann::json json_ = parse_json(
      R"({"text":"é","none":null,"list":[{"n":1},{"n":"x"}],"big":9223372036854775808,"half":0.5,"yes":true,"minus":-1})",
      place_);
  const JsonValue row_{json_, place_};
};

TEST_F(JsonValueTest, GivesTypedValues) {
  EXPECT_EQ(row_.field("text").text(), "é");
  EXPECT_EQ(row_.field("list").items().size(), 2);
  EXPECT_EQ(row_.field("list").items()[0].field("n").integer(), 1);
  EXPECT_EQ(row_.field("half").number(), 0.5);
  EXPECT_EQ(row_.field("minus").number(), -1);
  EXPECT_TRUE(row_.field("yes").boolean());
  EXPECT_EQ(row_.field("big").count(), 9223372036854775808U);
  EXPECT_EQ(row_.field("list").items()[0].keys(), std::vector<std::string>{"n"});
}

TEST_F(JsonValueTest, FindsNothingForMissingAndNull) {
  EXPECT_FALSE(row_.find("none"));
  EXPECT_FALSE(row_.find("absent"));
  EXPECT_TRUE(row_.find("text"));
}

TEST_F(JsonValueTest, TakesStringsAndIntegersAsIds) {
  EXPECT_EQ(row_.field("text").id(), "é");
  EXPECT_EQ(row_.field("minus").id(), "-1");
  EXPECT_EQ(row_.field("big").id(), "9223372036854775808");
  expect_data_error([&] { (void)row_.field("half").id(); }, "rows.jsonl:7: field 'half': expected an id");
}

TEST_F(JsonValueTest, NamesThePathOfTheValueThatIsWrong) {
  expect_data_error([&] { (void)row_.field("absent"); }, "rows.jsonl:7: field 'absent': is missing");
  expect_data_error([&] { (void)row_.field("list").items()[1].field("n").number(); },
                    "rows.jsonl:7: field 'list[1].n': expected a number, found a string");
  expect_data_error([&] { (void)row_.field("text").field("x"); }, "field 'text': expected an object, found a string");
  expect_data_error([&] { (void)row_.field("text").find("x"); }, "field 'text': expected an object, found a string");
  expect_data_error([&] { (void)row_.field("text").keys(); }, "field 'text': expected an object, found a string");
  expect_data_error([&] { (void)row_.field("none").items(); }, "field 'none': expected a list, found null");
  expect_data_error([&] { (void)row_.field("yes").text(); }, "field 'yes': expected a string, found true");
  expect_data_error([&] { (void)row_.field("half").integer(); }, "field 'half': expected an integer");
  expect_data_error([&] { (void)row_.field("big").integer(); }, "field 'big': expected an integer of 64 bits");
  expect_data_error([&] { (void)row_.field("minus").count(); },
                    "field 'minus': expected an integer that is not negative");
  expect_data_error([&] { (void)row_.field("half").boolean(); }, "field 'half': expected true or false");
}

}  // namespace
}  // namespace westofn::io
