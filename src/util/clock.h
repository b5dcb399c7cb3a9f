// SPDX-License-Identifier: Apache-2.0
// Time: for measuring, and for log lines. Nothing outside log/ may hold a clock reading.
#pragma once

#include <string>

namespace westofn {

/// Seconds of a clock that never jumps; only differences mean something.
[[nodiscard]] double steady_seconds();

/// Seconds since 1970-01-01 UTC.
[[nodiscard]] double unix_seconds();

/// "2026-01-31T23:59:59Z".
[[nodiscard]] std::string utc_now();

/// The name of this machine, as gethostname gives it.
[[nodiscard]] std::string host_name();

}  // namespace westofn
