// SPDX-License-Identifier: Apache-2.0
// How the confidences of pairs are spread, as counts that add up over the ranks: nobody sees another's pairs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "comm/communicator.h"

namespace westofn::synthesis {

/// Counts of confidences in a thousand bins from 0 to 1.
class ConfidenceCounts {
 public:
  static constexpr std::size_t bins = 1000;

  /// The bin of a confidence; 1 belongs to the last one.
  [[nodiscard]] static std::uint16_t bin_of(double confidence);
  /// The middle of each bin.
  [[nodiscard]] static std::vector<double> middles();

  void add(std::uint16_t bin) { ++counts_.at(bin); }
  /// Collective. The sums over all ranks, on every rank.
  void sum(comm::Communicator& comm) { comm.all_reduce(counts_, comm::ReduceOp::sum); }

  [[nodiscard]] const std::array<std::int64_t, bins>& counts() const { return counts_; }
  [[nodiscard]] std::int64_t pairs() const;
  /// The middle of the bin of the median, which is 0.0005 away at most; 0 without pairs.
  [[nodiscard]] double median() const;
  /// The counts of so many equal parts of 0 to 1, which divide `bins`.
  [[nodiscard]] std::vector<std::int64_t> in_parts(std::size_t parts) const;

 private:
  std::array<std::int64_t, bins> counts_{};
};

}  // namespace westofn::synthesis
