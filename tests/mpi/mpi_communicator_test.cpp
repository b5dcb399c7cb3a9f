// SPDX-License-Identifier: Apache-2.0
// The contract of the communicators over MPI: the world, messages cut into small pieces, and a part of the world.
#include "comm/mpi_communicator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "comm/single_communicator.h"
#include "support/agree_contract.h"
#include "support/communicator_contract.h"
#include "support/mpi_main.h"

namespace westofn::testing {
namespace {

struct World {
  static void run(const std::function<void(Communicator&)>& f) { f(world()); }
};

/// Every message longer than 24 bytes takes the path of those above 2^31-1.
struct SmallChunks {
  static void run(const std::function<void(Communicator&)>& f) {
    const auto copy = world().split(0, world().rank());
    dynamic_cast<comm::MpiCommunicator&>(*copy).set_chunk_bytes(24);
    f(*copy);
  }
};

/// The even and the odd ranks, at the same time, in reverse order.
struct Parts {
  static void run(const std::function<void(Communicator&)>& f) {
    f(*world().split(world().rank() % 2, -world().rank()));
  }
};

using Backends = ::testing::Types<World, SmallChunks, Parts>;
INSTANTIATE_TYPED_TEST_SUITE_P(Mpi, CommunicatorContract, Backends);
INSTANTIATE_TYPED_TEST_SUITE_P(Mpi, AgreeContract, Backends);

TEST(MpiSession, KnowsTheRanksOfThisMachine) {
  const int ranks_here = session().node().all_reduce(std::int32_t{1}, ReduceOp::sum);
  EXPECT_EQ(ranks_here, world().size());
  EXPECT_EQ(session().node().rank(), world().rank());
}

TEST(MpiSession, NamesTheLibrary) {
  const auto version = comm::MpiSession::library_version();
  EXPECT_GT(version.size(), 3U);
  EXPECT_EQ(version.find('\n'), std::string::npos);
}

TEST(MpiSession, RefusesADeadlineThatIsNoTime) {
  EXPECT_THROW(session().set_deadline(0.5), ConfigError);
  EXPECT_THROW(session().set_deadline(-1), ConfigError);
  EXPECT_THROW(session().set_deadline(1e9), ConfigError);
}

TEST(MpiHandle, IsThereForMpiOnly) {
  EXPECT_TRUE(comm::mpi_handle(world()).has_value());
  EXPECT_FALSE(comm::mpi_handle(comm::SingleCommunicator()).has_value());
}

TEST(CheckMpi, ThrowsWithTheTextOfMpi) {
  EXPECT_NO_THROW(comm::check_mpi(0, "MPI_Test"));
  try {
    comm::check_mpi(5, "MPI_Send");
    FAIL() << "nothing was thrown";
  } catch (const CommError& e) {
    EXPECT_THAT(e.what(), ::testing::StartsWith("MPI_Send failed: MPI_ERR_"));
  }
}

}  // namespace
}  // namespace westofn::testing
