// SPDX-License-Identifier: Apache-2.0
// What the stage `matches` has played, in a few numbers, and what looks wrong about it.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "io/match_file.h"

namespace westofn::synthesis {

/// Sums over shards; those of several ranks add up, to the same bits however they are shared out.
class MatchAccount {
 public:
  void add(const io::MatchShard& shard);
  /// Collective. The sums over all ranks, on every rank.
  void sum(comm::Communicator& comm);

  [[nodiscard]] std::int64_t non_finite() const { return sums_[non_finite_prompts]; }

  /// The counts of the manifest: `prompts` = `kept` + `one_response` + `too_long` + `non_finite`; `matches` that were
  /// played; `scored`: inputs that the model read for them; `cycles`: prompts whose tournament one response won in both
  /// brackets; `both_orders`: matches of which both orders are known, `order_disagreements`: of these, matches whose
  /// orders prefer different responses; `position_bias_ppm`: the mean of the probabilities that both orders together
  /// give to the first place, less 1, in millionths (0: the place does not matter; positive: it helps to be first).
  [[nodiscard]] std::map<std::string, std::int64_t> counts() const;
  /// For the log; begins with a headline.
  [[nodiscard]] std::string text() const;
  /// What looks wrong, and what to do about it; each begins in the middle of a line.
  [[nodiscard]] std::vector<std::string> warnings() const;

 private:
  enum Place : std::size_t {
    prompts,
    kept,
    one_response,
    too_long,
    non_finite_prompts,
    matches,
    scored,
    cycles,
    both_orders,
    disagreements,
    bias_ppm,  ///< summed over matches; rounded for each, so that the sum does not depend on the order
    places
  };

  [[nodiscard]] double position_bias() const;

  std::array<std::int64_t, places> sums_{};
};

/// Whether the two orders of a match prefer different responses.
[[nodiscard]] bool orders_disagree(const Match& match);

}  // namespace westofn::synthesis
