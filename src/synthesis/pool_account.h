// SPDX-License-Identifier: Apache-2.0
// What the stage `pools` has written, in a few numbers, and what looks wrong about it.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "record/records.h"

namespace westofn::synthesis {

/// Sums over pools; those of several ranks add up.
class PoolAccount {
 public:
  void add(std::span<const Pool> pools);
  /// Collective. The sums over all ranks, on every rank.
  void sum(comm::Communicator& comm);

  /// The counts of the manifest: `unlabelled_prompts` and so on, and over all sets `prompts`, `samples`, `finished`,
  /// `empty`, `tokens`; of the unlabelled pools `distinct` (responses that differ and are not empty, summed),
  /// `distinct_median` (of a pool; of an even number of pools the lower of the two in the middle) and `few_distinct`
  /// (pools with fewer than few_limit()).
  [[nodiscard]] std::map<std::string, std::int64_t> counts() const;
  /// For the log; begins with a headline.
  [[nodiscard]] std::string text() const;
  /// What looks wrong, and what to do about it; each begins in the middle of a line.
  [[nodiscard]] std::vector<std::string> warnings() const;

  /// 8, or the number of samples if the unlabelled pools have fewer.
  [[nodiscard]] std::int64_t few_limit() const;

 private:
  enum Place : std::size_t { unlabelled, validation, test, samples, finished, empty, tokens, places };

  [[nodiscard]] std::int64_t prompts() const { return sums_[unlabelled] + sums_[validation] + sums_[test]; }
  [[nodiscard]] std::int64_t distinct() const;
  [[nodiscard]] std::int64_t distinct_median() const;
  [[nodiscard]] std::int64_t few_distinct() const;

  std::array<std::int64_t, places> sums_{};
  std::vector<std::int64_t> pools_with_;  ///< [d]: unlabelled pools with d distinct responses
  std::int64_t pool_size_ = 0;            ///< samples of the largest unlabelled pool
};

}  // namespace westofn::synthesis
