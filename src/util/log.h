// SPDX-License-Identifier: Apache-2.0
// Log lines: rank 0 speaks for all; the other ranks are heard only when something is wrong.
#pragma once

#include <string>
#include <string_view>

namespace westofn {

enum class Verbosity { quiet, normal, verbose };

/// Sets up the log of this process; called once by run_job. Before that everything goes to stderr.
void start_log(int rank, Verbosity verbosity);

/// From now on the lines of rank 0 also go, with time, host and rank, to this file (appended). Local; throws IoError if
/// the file cannot be opened.
void log_to_file(const std::string& path);

/// What a user wants to follow; printed by rank 0 unless quiet.
void log_info(std::string_view text);

/// Something that the user should look at; printed by whichever rank says it.
void log_warning(std::string_view text);

/// Why the job ends. One call a job: see run_job.
void log_error(std::string_view text);

/// Details for a developer; printed with --verbose only.
void log_debug(std::string_view text);

}  // namespace westofn
