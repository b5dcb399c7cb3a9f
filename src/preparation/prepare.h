// SPDX-License-Identifier: Apache-2.0
// The stage `prepare`: imports human pairs, prompts and demonstrations, and splits them by group.
//
// Files of the stage, one of each kind for `rows_per_file` rows of an input file, where there is something to write:
//   pairs-NNNNN.h5           HumanPair records, all splits
//   prompts-NNNNN.h5         Prompt records: of prompt files, or lent by the pairs of the same number
//   demonstrations-NNNNN.h5  Demonstration records, likewise
//   balance.json             what became of every row
#pragma once

#include <cstdint>
#include <string>

#include "app/run_folder.h"
#include "app/run_job.h"
#include "app/stage.h"
#include "io/manifest.h"
#include "preparation/settings.h"

namespace westofn::preparation {

/// Collective. What the stage depends on; makes the toy world first if the settings ask for one.
struct PrepareInputs {
  DataSettings settings;  ///< names files, also where the experiment asks for a world
  app::StageSpec spec;
};
[[nodiscard]] PrepareInputs find_inputs(app::JobContext& job, const app::RunFolder& run, const DataSettings& settings,
                                        std::uint64_t seed);

/// Collective. Makes the stage, if it is not there, and returns its manifest. The same bytes for any number of ranks.
///
/// Every rank reads all lines but parses only its own blocks of rows. Keys of 56 bytes a row go to rank 0, which
/// decides what becomes of each row; then the owners of the blocks parse them again and write their files. No rank
/// holds more than one block of texts.
io::Manifest prepare(app::JobContext& job, const app::RunFolder& run, const PrepareInputs& inputs, std::uint64_t seed);

}  // namespace westofn::preparation
