// SPDX-License-Identifier: Apache-2.0
// The stage `pools`: the policy writes responses to every prompt of the three prompt sets.
//
// Files: one for `runtime.shard_size` prompts of one set and one prepared file, named by io::pool_file_name and read by
// io::read_pool. Unlabelled prompts get n samples, validation prompts `validation_n`, test prompts n + 1: number n is
// the SFT sample that Best-of-n is compared with. Counts of the manifest: see PoolAccount, whose text the log gets;
// with `import` also `imported_prompts`, and `import.unknown_prompts`: those of the files that the experiment does not
// have. Where a complete stage of the run has the same samples, its files are taken over: after a file of prompts was
// added only the new prompts are written for.
#pragma once

#include <cstdint>
#include <optional>

#include "app/run_folder.h"
#include "app/run_job.h"
#include "app/stage.h"
#include "io/manifest.h"
#include "io/pool_file.h"  // IWYU pragma: export
#include "model/runtime.h"
#include "synthesis/generation_settings.h"

namespace westofn::synthesis {

/// What the stage works with.
struct PoolsInputs {
  GenerationSettings settings;
  model::RuntimeSettings runtime;
  std::uint64_t seed = 1;
  app::StageInput prepared;  ///< the stage `prepare`
  app::StageInput policy;    ///< a T5 folder
  model::Placement placement;
  std::vector<io::ManifestInput> imports = {};  ///< hashes of the files of `import`
  app::ShardPart part = {};                     ///< the shards that this job makes
};

/// What the stage depends on; placement and part are not looked at.
[[nodiscard]] app::StageSpec pools_spec(const PoolsInputs& inputs);

/// Collective. Makes the stage or its part, if it is not there, and returns its manifest; nothing if other jobs have
/// not made their parts yet. The same bytes for any number of ranks.
std::optional<io::Manifest> make_pools(app::JobContext& job, const app::RunFolder& run, const app::StageSpec& spec,
                                       const PoolsInputs& inputs);

}  // namespace westofn::synthesis
