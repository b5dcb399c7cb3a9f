// SPDX-License-Identifier: Apache-2.0
// The stage `recipe-NAME`: the best and worst of every pool, the filters over all pairs, and the mixture.
//
// Files:
//   pairs-NNNNN.h5  SyntheticPair records of the prompts of `shards_per_file` pool files, written by their owner
//   mixture.h5      the training order, written by rank 0
//   balance.json    what became of every prompt, and where the filters cut
// Counts of the manifest: `prompts` = `kept` + `dropped.REASON` of all reasons; `pairs` (before the filters); `cycles`
// among them; `human` and `mixture` (rows).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "app/run_folder.h"
#include "app/run_job.h"
#include "app/stage.h"
#include "io/manifest.h"
#include "synthesis/recipe_settings.h"

namespace westofn::synthesis {

/// Pool files whose pairs go into one pairs file.
inline constexpr std::size_t shards_per_file = 64;

/// What the stage works with.
struct RecipeInputs {
  RecipeSettings settings;
  std::uint64_t seed = 1;
  app::StageInput prepared;  ///< the stage `prepare`
  app::StageInput pools;     ///< the stage `pools`
  app::StageInput matches;   ///< the stage `matches` of the same rule, n and orders
};

/// What the stage depends on; its name is "recipe-" and `name`.
[[nodiscard]] app::StageSpec recipe_spec(const std::string& name, const RecipeInputs& inputs);

/// Collective. Makes the stage, if it is not there, and returns its manifest. The same bytes for any number of ranks.
/// Throws DataError if the matches do not belong to the pools or to the rule.
io::Manifest make_recipe(app::JobContext& job, const app::RunFolder& run, const app::StageSpec& spec,
                         const RecipeInputs& inputs);

}  // namespace westofn::synthesis
