// SPDX-License-Identifier: Apache-2.0
// A new text file that all ranks write together, portion by portion: for commands from file to file.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "app/run_job.h"

namespace westofn::synthesis {

/// Local. Throws ConfigError if the file exists already or there is no folder for it.
void check_new_file(const std::string& path);

/// Collective. Publishes the texts of make(0), make(1) ... make(portions - 1), one after the other, in `path`. Portion
/// i is made by rank i modulo the number of ranks; no rank holds more than one of its own, rank 0 one of each rank.
/// Throws what `make` throws, IoError, and StopRequested after a signal; then there is no file.
void write_portions(app::JobContext& job, const std::string& path, std::size_t portions,
                    const std::function<std::string(std::size_t)>& make);

}  // namespace westofn::synthesis
