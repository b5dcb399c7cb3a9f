// SPDX-License-Identifier: Apache-2.0
#include "synthesis/confidence_counts.h"

#include <cmath>
#include <numeric>

#include "util/error.h"

namespace westofn::synthesis {

std::uint16_t ConfidenceCounts::bin_of(double confidence) {
  const double place = std::floor(confidence * static_cast<double>(bins));
  if (!(place > 0)) return 0;
  return static_cast<std::uint16_t>(std::fmin(place, static_cast<double>(bins - 1)));
}

std::vector<double> ConfidenceCounts::middles() {
  std::vector<double> values;
  for (std::size_t bin = 0; bin < bins; ++bin) {
    values.push_back((static_cast<double>(bin) + 0.5) / static_cast<double>(bins));
  }
  return values;
}

std::int64_t ConfidenceCounts::pairs() const {
  return std::accumulate(counts_.begin(), counts_.end(), std::int64_t{0});
}

double ConfidenceCounts::median() const {
  const std::int64_t all = pairs();
  std::int64_t below = 0;
  for (std::size_t bin = 0; bin < bins; ++bin) {
    below += counts_[bin];
    if (below > 0 && 2 * below >= all) return (static_cast<double>(bin) + 0.5) / static_cast<double>(bins);
  }
  return 0;
}

std::vector<std::int64_t> ConfidenceCounts::in_parts(std::size_t parts) const {
  WESTOFN_CHECK(parts > 0 && bins % parts == 0, "parts of equal size");
  std::vector<std::int64_t> sums(parts);
  for (std::size_t bin = 0; bin < bins; ++bin) sums[bin * parts / bins] += counts_[bin];
  return sums;
}

}  // namespace westofn::synthesis
