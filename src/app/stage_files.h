// SPDX-License-Identifier: Apache-2.0
// The files of a stage across ranks: what goes into the manifest, and when everybody can see them.
#pragma once

#include <string>
#include <vector>

#include "comm/communicator.h"
#include "io/manifest.h"

namespace westofn::app {

class StageRun;
struct StageInput;

/// Collective. Size and hash of the files of a stage (sorted names), on every rank. What this job has published is
/// known; only files of an earlier attempt are read, shared out over the ranks. Throws DataError or IoError.
[[nodiscard]] std::vector<io::FileInfo> describe_files(StageRun& stage, const std::vector<std::string>& names);

/// Local. On a shared file system another node sees new files late: returns when this rank sees all of them. Throws
/// IoError after a minute and a half.
void wait_until_visible(comm::Communicator& world, const std::string& folder, const io::Manifest& manifest);

/// Local. Throws DataError if a file of a complete stage is missing or has another size; cheap, nothing is read.
void check_sizes(const std::string& folder, const io::Manifest& manifest);

/// Local. Rank 0 reads all files of an earlier stage and throws DataError if one was changed; a folder that the user
/// gave has no manifest to check. On other ranks it does nothing.
void verify_input(comm::Communicator& world, const StageInput& input);

}  // namespace westofn::app
