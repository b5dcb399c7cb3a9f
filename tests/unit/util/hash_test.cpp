// SPDX-License-Identifier: Apache-2.0
#include "util/hash.h"

#include <gtest/gtest.h>

namespace westofn {
namespace {

// The values of the empty input are in xxHash's specification; the others hold ours still.
TEST(Hash, IsXxh3) {
  EXPECT_EQ(hash64(""), 0x2D06800538D394C2ULL);
  EXPECT_EQ(to_hex(hash128("")), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(hash64("abc"), 0x78AF5F94892F3950ULL);
  EXPECT_EQ(to_hex(hash128("abc")), "06b05ab6733a618578af5f94892f3950");
}

TEST(Hash, InPiecesIsTheHashOfTheWhole) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "piece " + std::to_string(i);
  StreamingHash hash;
  for (std::size_t at = 0; at < text.size(); at += 777) hash.update(std::string_view(text).substr(at, 777));
  EXPECT_EQ(hash.value(), hash128(text));
}

TEST(Hash, OfFieldsKnowsWhereAFieldEnds) {
  EXPECT_NE(hash_fields({"ab", "c"}), hash_fields({"a", "bc"}));
  EXPECT_NE(hash_fields({"ab"}), hash_fields({"ab", ""}));
  EXPECT_EQ(hash_fields({"ab", "c"}), hash_fields({"ab", "c"}));
}

}  // namespace
}  // namespace westofn
