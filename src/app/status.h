// SPDX-License-Identifier: Apache-2.0
// `westofn status RUNDIR` and `westofn clean RUNDIR`: what a run has done, and removing what nobody needs.
#pragma once

#include <string>
#include <vector>

#include "app/run_folder.h"

namespace westofn::app {

/// The stages of a run and the last heartbeat of its job, as text. Local; reads without a lock, also while a job runs.
/// Throws DataError if it is not a run folder.
[[nodiscard]] std::string run_status(const RunFolder& run);

/// Something that `clean` may remove.
struct Leftover {
  std::string path;
  std::string why;
  std::uint64_t bytes = 0;
};

/// Local. Stages that never finished and temporary files. Throws ConfigError if a job is at work in the run folder,
/// DataError if it is not one.
[[nodiscard]] std::vector<Leftover> find_leftovers(const RunFolder& run);

/// Local. Removes them for good.
void remove_leftovers(const std::vector<Leftover>& leftovers);

}  // namespace westofn::app
