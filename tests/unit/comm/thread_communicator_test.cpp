// SPDX-License-Identifier: Apache-2.0
#include "comm/thread_communicator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <vector>

#include "comm/agree.h"

namespace westofn::comm {
namespace {

TEST(RunThreads, RethrowsTheErrorOfTheRankThatFailedAndWakesTheOthers) {
  std::atomic<int> woken = 0;
  const auto work = [&](Communicator& comm) {
    comm.barrier();
    if (comm.rank() == 2) throw DataError("row 5 is broken");
    try {
      comm.barrier();
    } catch (const CommError&) {
      ++woken;
      throw;
    }
  };
  try {
    run_threads(4, work);
    FAIL() << "nothing was thrown";
  } catch (const DataError& e) {
    EXPECT_STREQ(e.what(), "row 5 is broken");
  }
  EXPECT_EQ(woken, 3);
}

TEST(RunThreads, WakesRanksThatWaitInAnotherGroupOrForAMessage) {
  EXPECT_THROW(run_threads(4,
                           [](Communicator& comm) {
                             const auto part = comm.split(comm.rank() / 2, 0);
                             if (comm.rank() == 3) throw IoError("no space");
                             if (comm.rank() == 1) {
                               std::vector<int> never(1);
                               comm.receive(never, 0, 0);
                             }
                             part->barrier();
                           }),
               IoError);
}

TEST(RunThreads, PrefersTheCauseToThoseWhoHeardOfIt) {
  for (int bad = 0; bad < 3; ++bad) {
    EXPECT_THROW(run_threads(3,
                             [bad](Communicator& comm) {
                               agree(comm, [&] {
                                 if (comm.rank() == bad) throw ConfigError("data.path: missing");
                               });
                             }),
                 ConfigError);
  }
}

TEST(RunThreads, NamesAMessageOfTheWrongLength) {
  try {
    run_threads(2, [](Communicator& comm) {
      std::vector<int> values(comm.rank() == 0 ? 3 : 2);
      if (comm.rank() == 0) comm.send(values, 1, 0);
      if (comm.rank() == 1) comm.receive(values, 0, 0);
    });
    FAIL() << "nothing was thrown";
  } catch (const CommError& e) {
    EXPECT_THAT(e.what(), ::testing::HasSubstr("rank 0 sent 12 bytes where 8 were expected"));
  }
}

TEST(RunThreads, RefusesBuffersOfDifferentLength) {
  EXPECT_THROW(run_threads(2,
                           [](Communicator& comm) {
                             std::vector<int> values(comm.rank() == 0 ? 3 : 2);
                             comm.all_reduce(values, ReduceOp::sum);
                             comm.barrier();
                           }),
               InternalError);
}

TEST(Communicator, RefusesRanksAndTagsThatDoNotExist) {
  EXPECT_THROW(run_threads(2,
                           [](Communicator& comm) {
                             std::vector<int> values(2);
                             EXPECT_THROW(comm.broadcast(values, 2), InternalError);
                             EXPECT_THROW(comm.send(values, comm.rank(), 0), InternalError);
                             EXPECT_THROW(comm.send(values, 1 - comm.rank(), 10000), InternalError);
                             EXPECT_THROW(static_cast<void>(comm.split(-1, 0)), InternalError);
                             std::vector<int> small(1);
                             comm.gather(values, small, comm.rank());
                           }),
               InternalError);
}

}  // namespace
}  // namespace westofn::comm
