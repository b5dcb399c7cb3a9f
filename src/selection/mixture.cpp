// SPDX-License-Identifier: Apache-2.0
#include "selection/mixture.h"

#include <algorithm>
#include <cmath>
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

/// The synthetic rows that belong behind the first `humans` human ones. A product that falls short of a whole number by
/// no more than rounding (0.29 * 100) counts as that number.
std::int64_t owed(std::int64_t humans, double ratio) {
  constexpr double rounding = 1e-12;
  return static_cast<std::int64_t>(std::floor(ratio * static_cast<double>(humans) * (1 + rounding)));
}

/// The human rows behind which the last of so many synthetic ones stands.
std::int64_t humans_for(std::int64_t synthetics, double ratio) {
  auto humans = static_cast<std::int64_t>(std::ceil(static_cast<double>(synthetics) / ratio));
  while (humans > 0 && owed(humans - 1, ratio) >= synthetics) --humans;
  while (owed(humans, ratio) < synthetics) ++humans;
  return humans;
}

}  // namespace

MixtureSizes mixture_sizes(const MixtureSizes& pairs, const MixtureSettings& settings) {
  if (pairs.humans == 0 || pairs.synthetics == 0) return pairs;
  const std::int64_t owed_to_all = owed(pairs.humans, settings.ratio);
  if (owed_to_all == pairs.synthetics) return pairs;
  const bool humans_last_longer = owed_to_all > pairs.synthetics;
  const bool ends_with_humans = humans_last_longer == (settings.rule == MixtureRule::cycle);
  if (ends_with_humans) return {pairs.humans, owed_to_all};
  return {humans_for(pairs.synthetics, settings.ratio), pairs.synthetics};
}

std::vector<MixtureRow> mix(const MixtureSizes& pairs, const MixtureSettings& settings, std::uint64_t seed) {
  ShuffledRows human(PairSourceKind::human, pairs.humans, seed);
  ShuffledRows synthetic(PairSourceKind::synthetic, pairs.synthetics, seed);
  const MixtureSizes sizes = mixture_sizes(pairs, settings);
  std::vector<MixtureRow> rows;
  rows.reserve(static_cast<std::size_t>(sizes.humans + sizes.synthetics));
  std::int64_t synthetics = 0;
  for (std::int64_t humans = 1; humans <= sizes.humans; ++humans) {
    rows.push_back(human.next());
    const std::int64_t until = pairs.synthetics == 0 ? 0 : std::min(owed(humans, settings.ratio), sizes.synthetics);
    for (; synthetics < until; ++synthetics) rows.push_back(synthetic.next());
  }
  for (; synthetics < sizes.synthetics; ++synthetics) rows.push_back(synthetic.next());
  return rows;
}

}  // namespace westofn::selection
