// SPDX-License-Identifier: Apache-2.0
#include "util/text.h"

#include <gtest/gtest.h>

#include <array>

namespace westofn {
namespace {

using namespace std::string_literals;

TEST(Utf8, FindsTheFirstBadByte) {
  const std::array<std::string, 5> good = {"", "plain", "z\xC3\xA9ro", "\xE2\x82\xAC", "\xF0\x9F\x98\x80 end"};
  for (const auto& text : good) EXPECT_EQ(find_invalid_utf8(text), std::nullopt) << printable(text);
  EXPECT_EQ(find_invalid_utf8("ab\xFF"), 2U);
  EXPECT_EQ(find_invalid_utf8("a\xC0\xAF"), 1U) << "overlong slash";
  EXPECT_EQ(find_invalid_utf8("\xE0\x80\x80"), 0U) << "overlong in three bytes";
  EXPECT_EQ(find_invalid_utf8("\xED\xA0\x80"), 0U) << "surrogate";
  EXPECT_EQ(find_invalid_utf8("\xF4\x90\x80\x80"), 0U) << "above U+10FFFF";
  EXPECT_EQ(find_invalid_utf8("\xE2\x82"), 0U) << "cut off";
  EXPECT_EQ(find_invalid_utf8("\x80"), 0U) << "lone continuation";
}

TEST(Printable, LeavesNothingThatMovesATerminal) {
  EXPECT_EQ(printable("a\x1b[31mred\n\tend"), "a\\x1b[31mred\\n\\tend");
  EXPECT_EQ(printable("\xC2\x9B"), "\\xc2\\x9b") << "C1 control sequence introducer";
  EXPECT_EQ(printable("caf\xC3\xA9 \xFF"), "caf\xC3\xA9 \\xff");
  EXPECT_EQ(printable("0123456789", 4), "0123...");
}

TEST(NearestName, SuggestsTypingErrorsOnly) {
  const std::array<std::string, 3> names = {"temperature", "top_k", "max_new_tokens"};
  EXPECT_EQ(nearest_name("temprature", names), "temperature");
  EXPECT_EQ(nearest_name("topk", names), "top_k");
  EXPECT_EQ(nearest_name("learning_rate", names), std::nullopt);
}

TEST(Human, SizesAndTimesRead) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(1536), "1.5 KiB");
  EXPECT_EQ(human_seconds(3.44), "3.4 s");
  EXPECT_EQ(human_seconds(62), "1 min 02 s");
  EXPECT_EQ(human_seconds(3720), "1 h 02 min");
}

TEST(Split, KeepsEmptyParts) {
  EXPECT_EQ(split_text("a::b", ':'), (std::vector<std::string>{"a", "", "b"}));
  EXPECT_EQ(split_text("", ':'), (std::vector<std::string>{""}));
  EXPECT_EQ(join_text(split_text("a::b", ':'), ":"), "a::b");
  EXPECT_EQ(trimmed(" \t a b\r\n"), "a b");
  EXPECT_EQ(trimmed(" \n"), "");
}

}  // namespace
}  // namespace westofn
