// SPDX-License-Identifier: Apache-2.0
#include "comm/frame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace westofn::comm {
namespace {

using ::testing::HasSubstr;

struct Note {
  std::string text;
  std::vector<double> numbers;
  std::int64_t id = 0;
  bool operator==(const Note&) const = default;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& text& numbers& id;
  }
};

const Note sample_note{"best of N", {0.1, -2.5, 1e300}, -9};

std::string message_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const DataError& e) {
    return e.what();
  }
  return "nothing was thrown";
}

TEST(Frame, GivesThePayloadBack) {
  for (const auto& payload : {std::string(), std::string("x"), std::string(100000, 'y')}) {
    EXPECT_EQ(unframe(frame(payload), "test"), payload);
  }
}

TEST(Frame, GivesTheObjectBack) { EXPECT_EQ(unpack<Note>(pack(sample_note), "a note"), sample_note); }

TEST(Frame, HasTheDocumentedLayout) {
  const std::string framed = frame("abc");
  EXPECT_EQ(framed.size(), frame_header_bytes + 3);
  EXPECT_EQ(framed.substr(0, 24), std::string("WoNframe\1\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0", 24));
  EXPECT_EQ(framed.substr(40), "abc");
}

TEST(Frame, DetectsTruncationAtEveryLength) {
  const std::string framed = pack(sample_note);
  for (std::size_t length = 0; length < framed.size(); ++length) {
    EXPECT_THROW((void)unpack<Note>(std::string_view(framed).substr(0, length), "a note"), DataError) << length;
  }
  EXPECT_THROW((void)unpack<Note>(framed + "x", "a note"), DataError);
}

TEST(Frame, DetectsEveryFlippedBit) {
  const std::string framed = pack(sample_note);
  for (std::size_t bit = 0; bit < 8 * framed.size(); ++bit) {
    std::string damaged = framed;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_THROW((void)unpack<Note>(damaged, "a note"), DataError) << bit;
  }
}

TEST(Frame, SaysWhatIsWrongWithWhat) {
  const auto damaged = [](std::size_t at) {
    std::string framed = frame("payload");
    framed[at] = static_cast<char>(framed[at] + 1);
    return message_of([&] { (void)unframe(framed, "pools-1/00017.bin"); });
  };
  EXPECT_THAT(damaged(0), HasSubstr("pools-1/00017.bin is damaged: it does not begin with the mark"));
  EXPECT_THAT(damaged(8), HasSubstr("version 2, this program reads version 1"));
  EXPECT_THAT(damaged(16), HasSubstr("its header states 8 bytes, there are 7"));
  EXPECT_THAT(damaged(21), HasSubstr("more than any frame holds"));
  EXPECT_THAT(damaged(30), HasSubstr("checksum is wrong"));
  EXPECT_THAT(damaged(40), HasSubstr("checksum is wrong"));
  EXPECT_THAT(message_of([] { (void)unframe("short", "x\ny"); }), HasSubstr("x\\ny is damaged: it has 5 bytes"));
}

TEST(Frame, RefusesAnotherType) {
  EXPECT_THAT(message_of([] { (void)unpack<Note>(frame("not an archive"), "a note"); }),
              HasSubstr("a note is damaged: it does not hold what is expected here"));
  const std::vector<double> numbers{1, 2, 3};
  EXPECT_THAT(message_of([&] { (void)unpack<std::int64_t>(pack(numbers), "a count"); }),
              HasSubstr("bytes are left over"));
}

TEST(Frame, RefusesAPayloadAboveTheLimit) {
  // Never touched: the length is checked before the bytes are read.
  const std::string_view huge("", 0);
  const std::string_view too_long(huge.data(), max_frame_bytes + 1);
  EXPECT_THAT(message_of([&] { (void)frame(too_long); }), HasSubstr("longer than the limit of 1"));
}

}  // namespace
}  // namespace westofn::comm
