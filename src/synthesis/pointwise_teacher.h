// SPDX-License-Identifier: Apache-2.0
// A reward model as the teacher of the rule `pointwise`.
#pragma once

#include <span>
#include <string>

#include "io/match_file.h"
#include "model/runtime.h"
#include "record/records.h"
#include "scoring/inputs.h"
#include "scoring/scores.h"
#include "scoring/scoring_config.h"
#include "synthesis/match_settings.h"
#include "tokenizer/tokenizer.h"

namespace westofn::synthesis {

/// The reward model with all that belongs to it. Does not move: the format refers to the tokenizer.
class PointwiseTeacher {
 public:
  /// Local. Throws DataError if the folder is no pointwise reward model with westofn.json and reward_head.safetensors.
  PointwiseTeacher(const std::string& folder, model::Placement placement);
  PointwiseTeacher(const PointwiseTeacher&) = delete;
  PointwiseTeacher& operator=(const PointwiseTeacher&) = delete;

  /// Local. See score_shard.
  [[nodiscard]] io::MatchShard score(std::span<const Pool> pools, const MatchSettings& settings,
                                     const scoring::ScoringRun& run) const;

 private:
  scoring::ScoringConfig config_;
  scoring::RewardEngine model_;
  tokenizer::Tokenizer tokenizer_;
  scoring::PointwiseFormat format_;
};

}  // namespace westofn::synthesis
