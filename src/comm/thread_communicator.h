// SPDX-License-Identifier: Apache-2.0
// Ranks as threads of one process: tests of collective code without a launcher, in milliseconds, under sanitizers.
#pragma once

#include <functional>

#include "comm/communicator.h"

namespace westofn::comm {

/// Runs `f` on `size` threads, each with its own rank, and returns when all have ended. A rank that throws wakes the
/// others with CommError; then the error of the rank that failed is rethrown (a PeerError only if there is no other).
void run_threads(int size, const std::function<void(Communicator&)>& f);

}  // namespace westofn::comm
