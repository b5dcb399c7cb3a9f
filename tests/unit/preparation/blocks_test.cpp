// SPDX-License-Identifier: Apache-2.0
#include "preparation/blocks.h"

#include <gtest/gtest.h>

#include "support/temporary_folder.h"
#include "util/error.h"

namespace westofn::preparation {
namespace {

std::string rows(const std::string& name, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += name + std::to_string(i) + "\n" + (i % 3 == 0 ? "\n" : "");
  return text;
}

class Blocks : public ::testing::Test {
 protected:
  Blocks()
      : sources_{{RowKind::pair, folder_.write("a", rows("a", 7)), "a"},
                 {RowKind::pair, folder_.write("b", rows("b", 3)), "b"},
                 {RowKind::pair, folder_.write("c", rows("c", 6)), "c"}} {}

  std::vector<Block> walk(std::size_t wanted, std::vector<std::string>& seen) {
    return walk_blocks(
        sources_, 3, [&](std::size_t block) { return block % 2 == wanted; },
        [&](std::size_t, const io::Line& line) { seen.emplace_back(line.text); }, [] {});
  }

  testing::TemporaryFolder folder_;
  std::vector<Source> sources_;
};

TEST_F(Blocks, EveryRowIsInOneBlockAndNoBlockInTwoFiles) {
  std::vector<std::string> even;
  std::vector<std::string> odd;
  const auto blocks = walk(0, even);
  EXPECT_EQ(walk(1, odd).size(), blocks.size());
  std::vector<std::pair<std::size_t, std::int64_t>> shape;
  for (const auto& block : blocks) shape.emplace_back(block.source, block.rows);
  EXPECT_EQ(shape, (std::vector<std::pair<std::size_t, std::int64_t>>{{0, 3}, {0, 3}, {0, 1}, {1, 3}, {2, 3}, {2, 3}}));
  EXPECT_EQ(even, (std::vector<std::string>{"a0", "a1", "a2", "a6", "c0", "c1", "c2"}));
  EXPECT_EQ(odd, (std::vector<std::string>{"a3", "a4", "a5", "b0", "b1", "b2", "c3", "c4", "c5"}));
}

TEST_F(Blocks, ReaderFindsAnyRisingChoiceOfBlocks) {
  std::vector<std::string> ignored;
  const auto blocks = walk(0, ignored);
  for (unsigned choice = 0; choice < (1U << blocks.size()); ++choice) {
    BlockReader reader(sources_, blocks);
    for (std::size_t block = 0; block < blocks.size(); ++block) {
      if ((choice >> block & 1U) == 0) continue;
      std::vector<std::string> seen;
      reader.read(block, [&](std::size_t, const io::Line& line) { seen.emplace_back(line.text); });
      const std::string name(1, static_cast<char>('a' + static_cast<int>(blocks[block].source)));
      const std::size_t first = block < 3 ? 3 * block : block == 5 ? 3 : 0;
      ASSERT_EQ(seen.size(), static_cast<std::size_t>(blocks[block].rows));
      for (std::size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], name + std::to_string(first + i));
    }
  }
}

TEST_F(Blocks, AFileWithoutRowsIsRefused) {
  sources_[1].path = folder_.write("empty", "\n\n");
  std::vector<std::string> seen;
  EXPECT_THROW(walk(0, seen), DataError);
}

TEST_F(Blocks, AFileThatShrinksWhileItIsReadIsRefused) {
  std::vector<std::string> ignored;
  const auto blocks = walk(0, ignored);
  BlockReader reader(sources_, blocks);
  folder_.write("c", "c0\n");
  EXPECT_THROW(reader.read(5, [](std::size_t, const io::Line&) {}), DataError);
}

}  // namespace
}  // namespace westofn::preparation
