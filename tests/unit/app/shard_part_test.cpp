// SPDX-License-Identifier: Apache-2.0
#include "app/shard_part.h"

#include <gtest/gtest.h>

#include "util/error.h"

namespace westofn::app {
namespace {

TEST(ShardPart, NamesShardsByTheirNumbers) {
  const ShardRange range = ShardPart("10:20").range(100);
  EXPECT_EQ(range.begin, 10);
  EXPECT_EQ(range.end, 20);
  EXPECT_EQ(ShardPart("10:20").range(15).end, 15) << "no more than there are";
  EXPECT_EQ(ShardPart(":5").range(100).begin, 0);
  EXPECT_EQ(ShardPart("90:").range(100).end, 100);
  EXPECT_EQ(ShardPart().range(7).end, 7);
  EXPECT_TRUE(ShardPart().is_all());
}

TEST(ShardPart, PiecesAreAllShardsAndHaveNoneInCommon) {
  for (const std::int64_t shards : {0, 1, 6, 7, 8, 100}) {
    for (const std::int64_t pieces : {1, 2, 3, 7, 11}) {
      std::int64_t next = 0;
      for (std::int64_t piece = 0; piece < pieces; ++piece) {
        const ShardRange range = ShardPart(std::to_string(piece) + "/" + std::to_string(pieces)).range(shards);
        EXPECT_EQ(range.begin, next);
        EXPECT_LE(range.end - range.begin, shards / pieces + 1);
        next = range.end;
      }
      EXPECT_EQ(next, shards);
    }
  }
}

TEST(ShardPart, RefusesWhatIsNone) {
  for (const auto* text :
       {"", "5", "a:b", "5:5", "6:5", "3/3", "-1:4", "0/0", "1:2:3", "1/2/3", "1:99999999999999999999"}) {
    EXPECT_THROW(ShardPart{text}, ConfigError) << text;
  }
}

TEST(ShardPart, KnowsItselfByTheNameOfItsLock) {
  for (const auto* text : {"0:10", "7:", "2/8"}) {
    const ShardPart part(text);
    const auto found = ShardPart::from_lock_name(part.lock_name());
    ASSERT_TRUE(found) << text;
    EXPECT_EQ(found->range(1000).begin, part.range(1000).begin);
    EXPECT_EQ(found->range(1000).end, part.range(1000).end);
  }
  EXPECT_FALSE(ShardPart::from_lock_name("anything"));
}

TEST(ShardPart, OverlapsOnlyWhereAShardMayBeInBoth) {
  EXPECT_FALSE(ShardPart("0:10").may_overlap(ShardPart("10:20")));
  EXPECT_TRUE(ShardPart("0:11").may_overlap(ShardPart("10:20")));
  EXPECT_FALSE(ShardPart("0/4").may_overlap(ShardPart("1/4")));
  EXPECT_TRUE(ShardPart("1/4").may_overlap(ShardPart("1/4")));
  EXPECT_TRUE(ShardPart("0/4").may_overlap(ShardPart("1/3"))) << "nobody knows the shards yet";
  EXPECT_TRUE(ShardPart("0/4").may_overlap(ShardPart("90:100")));
}

}  // namespace
}  // namespace westofn::app
