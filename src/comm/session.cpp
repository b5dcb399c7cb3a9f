// SPDX-License-Identifier: Apache-2.0
#include "comm/session.h"

#include <mpi.h>
#include <unistd.h>

#include <cstdio>
#include <exception>

#include "comm/blocking_guard.h"
#include "comm/heartbeat.h"
#include "comm/mpi_communicator.h"
#include "comm/typed.h"
#include "util/clock.h"
#include "util/text.h"

namespace westofn::comm {
namespace {

constexpr double abort_after_s = 20;

void check_deadline(double seconds) {
  if (seconds >= 1 && seconds <= 1e6) return;
  char text[96];
  std::snprintf(text, sizeof text, "a communication deadline of %g s: it must be between 1 and 1e6 s", seconds);
  throw ConfigError(text);
}

void open_mpi() {
  int initialized = 0;
  check_mpi(MPI_Initialized(&initialized), "MPI_Initialized");
  WESTOFN_CHECK(initialized == 0, "MPI is open already");
  int provided = MPI_THREAD_SINGLE;
  check_mpi(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided), "MPI_Init_thread");
  if (provided < MPI_THREAD_FUNNELED) {
    throw CommError("this MPI library has no thread support; use one built with MPI_THREAD_FUNNELED");
  }
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  MPI_Comm_set_errhandler(MPI_COMM_SELF, MPI_ERRORS_RETURN);
}

MpiHandle duplicate_world() {
  MPI_Comm comm = MPI_COMM_NULL;
  check_mpi(MPI_Comm_dup(MPI_COMM_WORLD, &comm), "MPI_Comm_dup");
  return static_cast<MpiHandle>(MPI_Comm_c2f(comm));
}

MpiHandle split_by_machine() {
  MPI_Comm comm = MPI_COMM_NULL;
  check_mpi(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &comm), "MPI_Comm_split_type");
  return static_cast<MpiHandle>(MPI_Comm_c2f(comm));
}

}  // namespace

MpiSession::MpiSession(SessionOptions options) : options_(options), exceptions_at_start_(std::uncaught_exceptions()) {
  check_deadline(options_.deadline_s);
  {
    const BlockingGuard guard(options_.deadline_s, "opening MPI");
    open_mpi();
    heartbeat_ = std::make_shared<Heartbeat>(duplicate_world(), options_.deadline_s);
    world_ = std::make_unique<MpiCommunicator>(duplicate_world(), heartbeat_);
    node_ = std::make_unique<MpiCommunicator>(split_by_machine(), heartbeat_);
  }
  heartbeat_->set_hosts(all_gather_strings(*world_, host_name()));
}

MpiSession::~MpiSession() {
  if (closed_ || std::uncaught_exceptions() > exceptions_at_start_) return;
  try {
    close();
  } catch (const std::exception& e) {
    std::fprintf(stderr, "westofn: cannot close the MPI session: %s\n", e.what());
    abort(ExitCode::communication);
  }
}

void MpiSession::set_deadline(double seconds) {
  check_deadline(seconds);
  options_.deadline_s = seconds;
  heartbeat_->set_deadline(seconds);
}

void MpiSession::close() {
  if (closed_) return;
  world_->barrier();
  heartbeat_->close();
  closed_ = true;
  const BlockingGuard guard(options_.deadline_s, "MPI_Finalize");
  node_.reset();
  world_.reset();
  check_mpi(MPI_Finalize(), "MPI_Finalize");
}

void MpiSession::abort(ExitCode code) {
  const ExitCode nonzero = code == ExitCode::done ? ExitCode::internal : code;
  std::fflush(nullptr);
  const BlockingGuard guard(abort_after_s, "MPI_Abort", nonzero);
  MPI_Abort(MPI_COMM_WORLD, static_cast<int>(nonzero));
  _exit(static_cast<int>(nonzero));
}

std::string MpiSession::library_version() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING] = "";
  int length = 0;
  check_mpi(MPI_Get_library_version(text, &length), "MPI_Get_library_version");
  const std::string_view version(text);  // Open MPI counts the byte behind the text as well
  return std::string(trimmed(version.substr(0, version.find('\n'))));
}

}  // namespace westofn::comm
