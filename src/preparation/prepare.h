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

#include "app/run_folder.h"
#include "app/run_job.h"
#include "io/manifest.h"
#include "preparation/inputs.h"

namespace westofn::preparation {

/// Collective. Makes the stage, and the world before it, if they are not there, and returns its manifest. The same
/// bytes for any number of ranks.
///
/// Every rank reads all lines but parses only its own blocks of rows. Keys of 64 bytes a row go to rank 0, which
/// decides what becomes of each row; then the owners of the blocks parse them again and write their files. No rank
/// holds more than one block of texts.
io::Manifest prepare(app::JobContext& job, const app::RunFolder& run, const PrepareInputs& inputs, std::uint64_t seed);

}  // namespace westofn::preparation
