// SPDX-License-Identifier: Apache-2.0
// From the pools and matches of a shard to its pairs, before any filter.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "io/match_file.h"
#include "record/records.h"
#include "synthesis/match_settings.h"

namespace westofn::synthesis {

/// One record for every pool, in order: a pair (kept), or why there is none. Local. Throws DataError if the matches are
/// those of other pools or of another rule, or if a pool has fewer than n samples.
[[nodiscard]] std::vector<SyntheticPair> choose_pairs(std::span<const Pool> pools, const io::MatchShard& matches,
                                                      const MatchSettings& settings, std::uint64_t seed);

}  // namespace westofn::synthesis
