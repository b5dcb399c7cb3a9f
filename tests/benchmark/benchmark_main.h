// SPDX-License-Identifier: Apache-2.0
// What the mains of the benchmarks share.
#pragma once

#include <cstdio>
#include <exception>
#include <functional>

#include "comm/session.h"
#include "util/error.h"

namespace westofn::benchmark {

/// For main: the exit code of `run`; what it throws is printed and becomes 1.
inline int guarded(const char* name, const std::function<int()>& run) {
  try {
    return run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", name, error.what());
    return 1;
  }
}

/// Runs `work` with all ranks; what one of them throws ends all.
inline int on_all_ranks(const char* name, const std::function<void(comm::Communicator&)>& work) {
  comm::MpiSession session;
  try {
    work(session.world());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", name, error.what());
    session.abort(ExitCode::internal);
  }
  session.close();
  return 0;
}

}  // namespace westofn::benchmark
