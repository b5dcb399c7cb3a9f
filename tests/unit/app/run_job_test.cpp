// SPDX-License-Identifier: Apache-2.0
// Each case is a process of its own: MPI can be opened once only.
#include "app/run_job.h"

#include <gtest/gtest.h>
#include <mpi.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "io/durable_file.h"
#include "support/temporary_folder.h"
#include "util/error.h"

namespace {
bool signal_in_mpi_start = false;
}

/// Stands before the function of the MPI library, by the profiling interface of MPI.
extern "C" int MPI_Init_thread(int* argc, char*** argv, int required, int* provided) {
  if (signal_in_mpi_start) std::raise(SIGTERM);
  return PMPI_Init_thread(argc, argv, required, provided);
}

namespace westofn::app {
namespace {

using ::testing::ExitedWithCode;

class RunJob : public ::testing::Test {
 protected:
  // "threadsafe" starts the child anew, without what MPI and its threads left in this process.
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

[[noreturn]] void run_and_exit(const std::function<void(JobContext&)>& job) { std::_Exit(run_job({}, job)); }

TEST_F(RunJob, StopsInOrderWhicheverRankThrew) {
  EXPECT_EXIT(run_and_exit([](JobContext&) { throw StopRequested("stopped in time"); }), ExitedWithCode(85),
              "westofn: stopped in time");
  EXPECT_EXIT(run_and_exit([](JobContext&) { throw PeerError(ExitCode::stopped, "rank 1: stopped in time"); }),
              ExitedWithCode(85), "westofn: rank 1: stopped in time");
}

TEST_F(RunJob, ASignalWhileMpiStartsStopsTheJobInTime) {
  EXPECT_EXIT(
      {
        signal_in_mpi_start = true;
        run_and_exit([](JobContext& job) {
          if (job.stop.signalled()) throw StopRequested("the signal was noted");
        });
      },
      ExitedWithCode(85), "the signal was noted");
}

TEST_F(RunJob, AnExceptionThatNobodyCatchesIsOneLineAndCode70) {
  EXPECT_EXIT(run_and_exit([](JobContext&) { std::thread([] { throw DataError("bad row"); }).join(); }),
              ExitedWithCode(70), "westofn: error: bad row");
  EXPECT_EXIT(run_and_exit([](JobContext&) { std::terminate(); }), ExitedWithCode(70),
              "westofn: error: the program ended itself");
}

void write_over_the_limit(const std::string& path) {
  const rlimit limit{1024, 1024};
  setrlimit(RLIMIT_FSIZE, &limit);
  io::write_durable(path, std::string(4096, 'x'));
}

TEST_F(RunJob, AFileSizeLimitIsAStorageErrorInEveryCommand) {
  GTEST_FLAG_SET(death_test_style, "fast");  // no MPI in here, and the child shares the folder
  const testing::TemporaryFolder folder;
  const std::string path = folder / "large";
  EXPECT_EXIT(std::_Exit(run_local({}, [&] { write_over_the_limit(path); })), ExitedWithCode(4), "large");
}

}  // namespace
}  // namespace westofn::app
