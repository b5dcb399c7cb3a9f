// SPDX-License-Identifier: Apache-2.0
#include "selection/mixture.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <string_view>

#include "util/philox.h"

namespace westofn::selection {
namespace {

/// The rows of one source, shuffled anew each time that they are used up. It has at least one row when it is asked.
class ShuffledRows {
 public:
  ShuffledRows(PairSourceKind source, std::int64_t rows, std::uint64_t seed)
      : source_(source), seed_(seed), rows_(static_cast<std::size_t>(rows)), position_(rows_.size()) {
    std::iota(rows_.begin(), rows_.end(), std::int64_t{0});
  }

  MixtureRow next() {
    if (position_ == rows_.size()) {
      const std::string_view purpose = source_ == PairSourceKind::human ? "mixture-human" : "mixture-synthetic";
      RandomSequence(Philox(purpose, seed_, cycle_++, "")).shuffle(rows_);
      position_ = 0;
    }
    return {source_, rows_[position_++]};
  }

 private:
  PairSourceKind source_;
  std::uint64_t seed_;
  std::vector<std::int64_t> rows_;
  std::size_t position_;
  std::uint64_t cycle_ = 0;
};

}  // namespace

std::vector<MixtureRow> mix(std::int64_t humans, std::int64_t synthetics, MixtureRule rule, std::uint64_t seed) {
  ShuffledRows human(PairSourceKind::human, humans, seed);
  ShuffledRows synthetic(PairSourceKind::synthetic, synthetics, seed);
  const auto [fewer, more] = std::minmax(humans, synthetics);
  const bool one_source = fewer == 0;
  const std::int64_t rounds = rule == MixtureRule::cycle || one_source ? more : fewer;
  std::vector<MixtureRow> rows;
  rows.reserve(static_cast<std::size_t>(one_source ? rounds : 2 * rounds));
  for (std::int64_t i = 0; i < rounds; ++i) {
    if (humans > 0) rows.push_back(human.next());
    if (synthetics > 0) rows.push_back(synthetic.next());
  }
  return rows;
}

}  // namespace westofn::selection
