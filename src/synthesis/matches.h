// SPDX-License-Identifier: Apache-2.0
// The stage `matches`: the preference model compares the responses that a rule asks for, in every unlabelled pool.
//
// One folder for each rule, n and orders; one file for each pool file, with the same name, read by io::read_matches.
// Counts of the manifest: `prompts` = `kept` + `one_response` + `too_long` + `non_finite`; `matches` that were played;
// `scored`: inputs that the model read for them (fewer where an earlier stage knew the answer); and
// `order_disagreements`: matches whose two orders prefer different responses.
#pragma once

#include <cstdint>
#include <optional>

#include "app/run_folder.h"
#include "app/run_job.h"
#include "app/stage.h"
#include "io/manifest.h"
#include "model/runtime.h"
#include "synthesis/match_settings.h"

namespace westofn::synthesis {

/// What the stage works with.
struct MatchesInputs {
  MatchSettings settings;
  model::RuntimeSettings runtime;
  std::uint64_t seed = 1;
  app::StageInput pools;       ///< the stage `pools`
  app::StageInput preference;  ///< a T5 folder with westofn.json
  /// Matches of another rule on the same pools and with the same preference model: what they know is not asked again
  /// (the tournament, for `best-random`).
  std::optional<app::StageInput> known;
  model::Placement placement;
};

/// What the stage depends on; placement is not looked at.
[[nodiscard]] app::StageSpec matches_spec(const MatchesInputs& inputs);

/// Collective. Makes the stage, if it is not there, and returns its manifest. The same bytes for any number of ranks.
/// Throws DataError if more than 0.1 % of the prompts have a score that is not a number.
io::Manifest make_matches(app::JobContext& job, const app::RunFolder& run, const app::StageSpec& spec,
                          const MatchesInputs& inputs);

}  // namespace westofn::synthesis
