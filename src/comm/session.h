// SPDX-License-Identifier: Apache-2.0
// MPI from start to end of the program.
#pragma once

#include <memory>
#include <string>

#include "comm/communicator.h"
#include "util/error.h"

namespace westofn::comm {

class Heartbeat;

struct SessionOptions {
  /// Seconds after its last heartbeat at which a silent rank ends the job; at least 1.
  double deadline_s = 600;
};

/// Opens MPI (funneled: only this thread may communicate) and closes it. One a process.
class MpiSession {
 public:
  /// Collective over all ranks of the job. Throws ConfigError (options) or CommError.
  explicit MpiSession(SessionOptions options = {});
  /// Closes the session if nobody did. While an exception is in flight it leaves MPI open instead: the others may
  /// wait elsewhere, and MPI_Finalize would wait for them. So errors are caught inside the session and end in abort().
  ~MpiSession();
  MpiSession(const MpiSession&) = delete;
  MpiSession& operator=(const MpiSession&) = delete;

  /// All ranks of the job.
  [[nodiscard]] Communicator& world() { return *world_; }
  /// The ranks on this machine: node().rank() chooses the GPU.
  [[nodiscard]] Communicator& node() { return *node_; }

  /// Local; the same value on all ranks. Throws ConfigError below 1 s.
  void set_deadline(double seconds);

  /// Collective. Waits for all ranks, then finalizes MPI; world() and node() are gone afterwards.
  void close();

  /// Local. Ends the job, all ranks at once, with this exit code (internal if it is `done`).
  [[noreturn]] void abort(ExitCode code);

  /// Local. Name and version of the MPI library, one line. Needs no session.
  [[nodiscard]] static std::string library_version();

 private:
  SessionOptions options_;
  int exceptions_at_start_;
  bool closed_ = false;
  std::shared_ptr<Heartbeat> heartbeat_;
  std::unique_ptr<Communicator> world_;
  std::unique_ptr<Communicator> node_;
};

}  // namespace westofn::comm
