// SPDX-License-Identifier: Apache-2.0
#include "app/run_job.h"

#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <memory>
#include <new>
#include <string_view>

#include "comm/session.h"
#include "util/clock.h"
#include "util/fault.h"

namespace westofn::app {
namespace {

struct Failure {
  ExitCode code = ExitCode::internal;
  std::string message;
  bool reported_elsewhere = false;
};

/// Must be called inside a catch block.
Failure describe_current_exception() {
  try {
    throw;
  } catch (const PeerError& error) {
    return {error.code(), error.what(), true};
  } catch (const Error& error) {
    return {error.code(), error.what(), false};
  } catch (const std::bad_alloc&) {
    return {ExitCode::internal, "out of memory; use more nodes, fewer ranks a node, or smaller batches", false};
  } catch (const std::exception& error) {
    return {ExitCode::internal, std::string("unexpected error: ") + error.what(), false};
  } catch (...) {
    return {ExitCode::internal, "unexpected error of unknown type", false};
  }
}

void print_failure(const Failure& failure, int rank, int size) {
  const std::string place = size > 1 ? " [rank " + std::to_string(rank) + " on " + host_name() + "]" : "";
  log_error(failure.message + place);
}

/// Ends all ranks. A rank whose peer has the message only waits: that peer is about to end this rank too, and if it
/// abandoned its own duty, the wait is short.
int end_all(comm::MpiSession& session, const Failure& failure) {
  const int size = session.world().size();
  if (failure.reported_elsewhere) {
    sleep(10);
  } else {
    print_failure(failure, session.world().rank(), size);
  }
  if (size > 1) session.abort(failure.code);
  return static_cast<int>(failure.code);
}

}  // namespace

int run_job(const CommonOptions& options, const std::function<void(JobContext&)>& job) {
  std::unique_ptr<comm::MpiSession> session;
  // Over a file size limit write() shall fail with an error that can be reported, not end the process.
  std::signal(SIGXFSZ, SIG_IGN);
  try {
    session = std::make_unique<comm::MpiSession>(comm::SessionOptions{.deadline_s = options.deadline_s});
  } catch (...) {
    const Failure failure = describe_current_exception();
    print_failure(failure, 0, 1);
    return static_cast<int>(failure.code);
  }
  try {
    comm::Communicator& world = session->world();
    start_log(world.rank(), options.verbosity);
    set_fault_rank(world.rank());
    const StopControl stop(options.max_hours);
    JobContext context{world, session->node(), options, stop};
    fault_point("job.start");
    job(context);
    fault_point("job.end");
    session->close();
    return static_cast<int>(ExitCode::done);
  } catch (const StopRequested& request) {
    log_info(request.what());
    return static_cast<int>(request.code());
  } catch (...) {
    return end_all(*session, describe_current_exception());
  }
}

bool is_first_process() {
  static constexpr std::array<const char*, 3> names = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "SLURM_PROCID"};
  for (const char* name : names) {
    if (const char* value = std::getenv(name)) return std::atoi(value) == 0;
  }
  return true;
}

int run_local(const CommonOptions& options, const std::function<void()>& job) {
  if (!is_first_process()) return static_cast<int>(ExitCode::done);
  start_log(0, options.verbosity);
  try {
    set_fault_rank(0);
    job();
    return static_cast<int>(ExitCode::done);
  } catch (...) {
    const Failure failure = describe_current_exception();
    print_failure(failure, 0, 1);
    return static_cast<int>(failure.code);
  }
}

}  // namespace westofn::app
