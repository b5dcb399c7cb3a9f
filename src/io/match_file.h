// SPDX-License-Identifier: Apache-2.0
// The files of the stage `matches`: one immutable HDF5 file for each pool file, with the matches of its prompts.
//
// Datasets /prompt, /a, /b, /p_ab, /p_ba_swapped, /bracket, /round, /winner have a row a match, in the order of the
// prompts and, within one, of play; /prompts/index and /prompts/outcome have a row a prompt. With a pointwise teacher
// /scores/prompt, /scores/sample and /scores/score have a row for each sample that it has scored.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/file.h"
#include "record/records.h"

namespace westofn::io {

/// What was played in the pools of a shard.
struct MatchShard {
  std::vector<Match> matches;          ///< those of a prompt follow one another
  std::vector<std::int64_t> prompts;   ///< index of every pool of the shard
  std::vector<PairOutcome> outcomes;   ///< of every pool: kept, one_response, too_long or non_finite
  std::int64_t scored = 0;             ///< inputs that the model read for the matches
  std::vector<ScoredSample> scores{};  ///< of a pointwise teacher: all contestants of the pools that are kept, in order
};

/// Publishes a shard. Local. Throws IoError.
FileInfo write_matches(const std::string& path, const MatchShard& shard);

/// Reads a shard in its order, checked against a manifest's entry if one is given. Local. Throws DataError that names
/// the file if it is damaged, of another type or of another version.
[[nodiscard]] MatchShard read_matches(const std::string& path, const std::optional<FileInfo>& expected = std::nullopt);

}  // namespace westofn::io
