// SPDX-License-Identifier: Apache-2.0
// A small job whose last rank (or last two ranks) misbehaves as asked: session_job MODE DEADLINE_S.
//
// It ends as real jobs do: errors are caught inside the session, printed once, and become the exit code of MPI_Abort.
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "comm/agree.h"
#include "comm/session.h"
#include "util/clock.h"

namespace westofn::comm {
namespace {

[[noreturn]] void hang() {
  while (true) pause();
}

void compute(Communicator& comm, double seconds, bool beats) {
  const double start = steady_seconds();
  while (steady_seconds() - start < seconds) {
    if (beats) comm.beat();
    usleep(1000);
  }
}

/// What a misbehaving rank does instead of the first of two barriers.
void misbehave(Communicator& comm, const std::string& mode, double deadline_s) {
  if (mode == "stop") raise(SIGSTOP);
  if (mode == "hang" || mode == "hang_two") hang();
  if (mode == "kill") raise(SIGKILL);
  if (mode == "throw") throw IoError("the disk is full");
  if (mode == "slow") compute(comm, 3 * deadline_s, true);
  if (mode == "short_silence") compute(comm, 0.6 * deadline_s, false);
}

void work(MpiSession& session, const std::string& mode, double deadline_s) {
  auto& comm = session.world();
  const int first_bad = comm.size() - (mode == "hang_two" ? 2 : 1);
  const bool bad = comm.rank() >= first_bad;
  comm.barrier();
  if (mode == "agree") {
    agree(comm, [&] {
      if (bad) throw DataError("prompts.jsonl:3: broken");
    });
  }
  if (mode == "stop_in_split" && bad) raise(SIGSTOP);
  if (mode == "stop_in_split") (void)comm.split(0, 0);
  if (bad) misbehave(comm, mode, deadline_s);
  if (mode == "busy_others" && !bad) compute(comm, 2 * deadline_s, true);
  if (mode == "busy_others" && bad) raise(SIGSTOP);
  comm.barrier();
  if (mode == "throw_outside") {
    if (bad) throw InternalError("leaves the session");
    comm.barrier();
  }
  if (mode == "stop_at_end" && bad) raise(SIGSTOP);
}

int run(const std::string& mode, double deadline_s) {
  MpiSession session({.deadline_s = deadline_s});
  if (mode == "throw_outside") {
    work(session, mode, deadline_s);  // nobody catches inside the session
    return 0;
  }
  try {
    work(session, mode, deadline_s);
    if (mode == "abort_zero") session.abort(ExitCode::done);
    session.close();
  } catch (const PeerError& e) {
    usleep(200000);  // the rank with the cause speaks first
    session.abort(e.code());
  } catch (const Error& e) {
    std::fprintf(stderr, "error on rank %d: %s\n", session.world().rank(), e.what());
    session.abort(e.code());
  }
  return 0;
}

}  // namespace
}  // namespace westofn::comm

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  try {
    return westofn::comm::run(argv[1], std::atof(argv[2]));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "error outside the session: %s\n", e.what());
    return 1;
  }
}
