// SPDX-License-Identifier: Apache-2.0
#include "preparation/blocks.h"

#include "util/error.h"

namespace westofn::preparation {

std::vector<Block> walk_blocks(const std::vector<Source>& sources, std::int64_t rows_per_block,
                               const std::function<bool(std::size_t)>& wanted, const UseLine& use,
                               const std::function<void()>& beat) {
  std::vector<Block> blocks;
  for (std::size_t source = 0; source < sources.size(); ++source) {
    io::JsonlReader reader(sources[source].path);
    bool mine = false;
    while (const auto line = reader.next()) {
      beat();
      if (blocks.empty() || blocks.back().source != source || blocks.back().rows == rows_per_block) {
        blocks.push_back({source, 0});
        mine = wanted(blocks.size() - 1);
      }
      ++blocks.back().rows;
      if (mine) use(source, *line);
    }
    if (blocks.empty() || blocks.back().source != source) {
      throw DataError(sources[source].path + ": no rows; give a file with one JSON object a line");
    }
  }
  return blocks;
}

void BlockReader::read(std::size_t block, const UseLine& use) {
  WESTOFN_CHECK(block >= position_ && block < blocks_.size(), "blocks must be read in rising order");
  for (; position_ < block; ++position_) {
    // A block of a file that is not open yet lies in a file that can be passed over as a whole.
    const bool same_source = blocks_[position_].source == blocks_[block].source;
    if (!same_source) {
      reader_.reset();
      continue;
    }
    for (std::int64_t i = 0; i < blocks_[position_].rows; ++i) (void)next_line();
  }
  for (std::int64_t i = 0; i < blocks_[block].rows; ++i) use(blocks_[block].source, next_line());
  ++position_;
  if (position_ == blocks_.size() || blocks_[position_].source != blocks_[block].source) reader_.reset();
}

io::Line BlockReader::next_line() {
  const std::string& path = sources_[blocks_[position_].source].path;
  if (!reader_) reader_ = std::make_unique<io::JsonlReader>(path);
  const auto line = reader_->next();
  if (!line)
    throw DataError(path + ": has fewer rows than a moment ago; do not change input files while a job reads them");
  return *line;
}

}  // namespace westofn::preparation
