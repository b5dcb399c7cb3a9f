// SPDX-License-Identifier: Apache-2.0
// `westofn status RUNDIR` and `westofn clean RUNDIR`: what a run has done, and removing what nobody needs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/run_folder.h"

namespace westofn::app {

/// The stages of a run and the last heartbeat of its job, as text. Local; may be called while a job runs, and removes
/// the lock of a dead one. Throws DataError if it is not a run folder.
[[nodiscard]] std::string run_status(const RunFolder& run);

/// Something that `clean` may remove.
struct Leftover {
  std::string name;  ///< of the stage, NAME-KEY
  std::string path;
  std::string why;
  std::uint64_t bytes = 0;
  bool in_work = false;  ///< a job holds its lock, or the lock cannot be examined
};

/// Local. The stages without a manifest. Throws DataError if it is not a run folder.
[[nodiscard]] std::vector<Leftover> find_leftovers(const RunFolder& run);

enum class Removal {
  removed,
  in_work,   ///< left alone: a job holds the lock of the stage
  finished,  ///< left alone: a job has finished it meanwhile
};

/// Local. Removes the folder of an unfinished stage for good, under the lock of the stage, so that no job can start to
/// work on it meanwhile. Throws IoError.
[[nodiscard]] Removal remove_leftover(const RunFolder& run, const std::string& name);

}  // namespace westofn::app
