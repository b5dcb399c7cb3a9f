// SPDX-License-Identifier: Apache-2.0
// Plays the contests of all pools of a shard side by side, so that the preference model gets long lists.
#pragma once

#include <cstdint>
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

/// How the preference model is asked.
struct Judge {
  /// The input with `a` first; nothing if it is too long.
  std::function<std::optional<tokenizer::Tokens>(std::string_view prompt, std::string_view a, std::string_view b)>
      encode;
  /// P(first response is better) of every input, in order.
  std::function<std::vector<double>(std::span<const tokenizer::Tokens>)> score;
};

/// Local. The matches that the rule of the settings asks for, each with the orders that they ask for. What `known`
/// holds of these pools is not asked again. Throws ConfigError if a pool has fewer than n samples.
[[nodiscard]] io::MatchShard play_shard(std::span<const Pool> pools, const MatchSettings& settings, std::uint64_t seed,
                                        const Judge& judge, std::span<const Match> known);

}  // namespace westofn::synthesis
