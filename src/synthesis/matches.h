// SPDX-License-Identifier: Apache-2.0
// The stage `matches`: the preference model compares the responses that a rule asks for, in every unlabelled pool.
//
// One folder for each rule, n and orders; one file for each pool file, with the same name, read by io::read_matches.
// What complete stages of the run have asked the same preference model about the same pool files is not asked again:
// other rules and sizes play only what is new, and where prompts were added the old files are taken over.
// Counts of the manifest: see MatchAccount, whose text the log gets.
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
  app::StageInput pools;  ///< the stage `pools`
  /// The teacher: a T5 folder with westofn.json; for the rule `pointwise` a reward model, with its head.
  app::StageInput preference;
  model::Placement placement;
  app::ShardPart part = {};  ///< the shards that this job makes: one a pool file
};

/// What the stage depends on; placement is not looked at.
[[nodiscard]] app::StageSpec matches_spec(const MatchesInputs& inputs);

/// Collective. Makes the stage or its part, if it is not there, and returns its manifest; nothing if other jobs have
/// not made their parts yet. The same bytes for any number of ranks. Throws DataError if more than 0.1 % of the prompts
/// have a score that is not a number.
std::optional<io::Manifest> make_matches(app::JobContext& job, const app::RunFolder& run, const app::StageSpec& spec,
                                         const MatchesInputs& inputs);

}  // namespace westofn::synthesis
