// SPDX-License-Identifier: Apache-2.0
// The rows of all input files in blocks of fixed size: the unit of parsing, of writing and of restart.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "io/jsonl_reader.h"
#include "preparation/sources.h"

namespace westofn::preparation {

/// Rows of one source that go into one set of output files.
struct Block {
  std::size_t source = 0;
  std::int64_t rows = 0;
};

/// Called with the source of a line, and the line.
using UseLine = std::function<void(std::size_t, const io::Line&)>;

/// Calls `use` for every line of the blocks that `wanted(block number)` asks for, and `beat` for every line; returns
/// all blocks, which are the same for everyone. Local. Throws DataError or IoError of the reader.
std::vector<Block> walk_blocks(const std::vector<Source>& sources, std::int64_t rows_per_block,
                               const std::function<bool(std::size_t)>& wanted, const UseLine& use,
                               const std::function<void()>& beat);

/// Goes to chosen blocks in rising order, reading each input file at most once.
class BlockReader {
 public:
  BlockReader(const std::vector<Source>& sources, std::vector<Block> blocks)
      : sources_(sources), blocks_(std::move(blocks)) {}

  /// Calls `use` for every line of a block; block numbers must rise from call to call.
  void read(std::size_t block, const UseLine& use);

 private:
  io::Line next_line();

  const std::vector<Source>& sources_;
  std::vector<Block> blocks_;
  std::size_t position_ = 0;  ///< the block at whose beginning the reader stands
  std::unique_ptr<io::JsonlReader> reader_;
};

}  // namespace westofn::preparation
