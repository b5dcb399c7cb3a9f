// SPDX-License-Identifier: Apache-2.0
#include "app/run_job.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <memory>
#include <new>
#include <string_view>

#include "comm/session.h"
#include "util/clock.h"
#include "util/error.h"
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

/// Over a file size limit write() shall fail with an error that can be reported, not end the process.
void make_file_size_limit_an_error() { std::signal(SIGXFSZ, SIG_IGN); }

/// While it lives, std::terminate (an exception that left a thread, a destructor or a noexcept function) prints one
/// line and ends all ranks of the session; without this the others would wait for the deadline. One a process.
class TerminateGuard {
 public:
  TerminateGuard() : previous_(std::set_terminate(end_process)) {}
  ~TerminateGuard() {
    session_ = nullptr;
    std::set_terminate(previous_);
  }
  TerminateGuard(const TerminateGuard&) = delete;
  TerminateGuard& operator=(const TerminateGuard&) = delete;

  /// Null: there is no session (any more), only this process ends.
  void set_session(comm::MpiSession* session) { session_ = session; }

 private:
  [[noreturn]] static void end_process() {
    static std::atomic_flag entered;
    // An error in here or a second thread comes here again.
    if (!entered.test_and_set()) {
      Failure failure{ExitCode::internal, "the program ended itself (std::terminate)", false};
      if (std::current_exception()) failure = describe_current_exception();
      failure.code = ExitCode::internal;
      comm::MpiSession* session = session_;
      const int size = session == nullptr ? 1 : session->world().size();
      print_failure(failure, session == nullptr ? 0 : session->world().rank(), size);
      if (size > 1) session->abort(failure.code);
    }
    _exit(static_cast<int>(ExitCode::internal));
  }

  static inline std::atomic<comm::MpiSession*> session_ = nullptr;
  std::terminate_handler previous_;
};

/// Runs the job, whose ranks may have agreed to stop in time: then one of them has thrown StopRequested and the others
/// PeerError with its code.
ExitCode run_until_stopped(JobContext& context, const std::function<void(JobContext&)>& job) {
  try {
    fault_point("job.start");
    job(context);
    fault_point("job.end");
    return ExitCode::done;
  } catch (const Error& error) {
    if (error.code() != ExitCode::stopped) throw;
    log_info(error.what());
    return ExitCode::stopped;
  }
}

}  // namespace

int run_job(const CommonOptions& options, const std::function<void(JobContext&)>& job) {
  make_file_size_limit_an_error();
  // Before MPI, whose start may take long on many nodes: a signal in that time is noted like any other.
  const StopControl stop(options.max_hours);
  TerminateGuard guard;
  std::unique_ptr<comm::MpiSession> session;
  try {
    session = std::make_unique<comm::MpiSession>(comm::SessionOptions{.deadline_s = options.deadline_s});
  } catch (...) {
    const Failure failure = describe_current_exception();
    print_failure(failure, 0, 1);
    return static_cast<int>(failure.code);
  }
  guard.set_session(session.get());
  try {
    comm::Communicator& world = session->world();
    start_log(world.rank(), options.verbosity);
    set_fault_rank(world.rank());
    JobContext context{world, session->node(), options, stop};
    const ExitCode code = run_until_stopped(context, job);
    guard.set_session(nullptr);
    session->close();
    return static_cast<int>(code);
  } catch (...) {
    guard.set_session(nullptr);
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
  make_file_size_limit_an_error();
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
