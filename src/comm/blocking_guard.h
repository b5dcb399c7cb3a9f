// SPDX-License-Identifier: Apache-2.0
// A limit for calls that wait for other ranks inside a library (MPI_Finalize, collective HDF5) and cannot be polled.
#pragma once

#include "util/error.h"

namespace westofn::comm {

/// While it lives, an alarm ends this process with a message and an exit code after the given time. Not nestable;
/// uses SIGALRM.
class BlockingGuard {
 public:
  /// `call` (a literal) is named in the message.
  BlockingGuard(double seconds, const char* call, ExitCode code = ExitCode::communication);
  ~BlockingGuard();
  BlockingGuard(const BlockingGuard&) = delete;
  BlockingGuard& operator=(const BlockingGuard&) = delete;
};

}  // namespace westofn::comm
