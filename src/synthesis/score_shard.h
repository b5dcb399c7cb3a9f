// SPDX-License-Identifier: Apache-2.0
// The rule `pointwise` on all pools of a shard: every contestant is scored once, and nobody plays anybody.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "io/match_file.h"
#include "record/records.h"
#include "synthesis/match_settings.h"
#include "tokenizer/tokenizer.h"

namespace westofn::synthesis {

/// How the reward model that is the teacher is asked.
struct ResponseScorer {
  /// The input; nothing if it is too long.
  std::function<std::optional<tokenizer::Tokens>(std::string_view prompt, std::string_view response)> encode;
  /// The raw score of every input, in order.
  std::function<std::vector<double>(std::span<const tokenizer::Tokens>)> score;
};

/// Local. The score of every contestant of every pool and one match a pool, best against worst, as if it had been asked
/// in this order only. A pool with an input that is too long, or a score that is not finite, has neither. Throws
/// ConfigError if a pool has fewer than n samples.
[[nodiscard]] io::MatchShard score_shard(std::span<const Pool> pools, const MatchSettings& settings,
                                         const ResponseScorer& scorer);

}  // namespace westofn::synthesis
