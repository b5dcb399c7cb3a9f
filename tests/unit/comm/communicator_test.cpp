// SPDX-License-Identifier: Apache-2.0
// The contract of the communicators that need no launcher.
#include "comm/single_communicator.h"
#include "comm/thread_communicator.h"
#include "support/agree_contract.h"
#include "support/communicator_contract.h"

namespace westofn::testing {
namespace {

struct Single {
  static void run(const std::function<void(Communicator&)>& f) {
    comm::SingleCommunicator comm;
    f(comm);
  }
};

template <int size>
struct Threads {
  static void run(const std::function<void(Communicator&)>& f) { comm::run_threads(size, f); }
};

using Backends = ::testing::Types<Single, Threads<1>, Threads<2>, Threads<3>, Threads<4>>;
INSTANTIATE_TYPED_TEST_SUITE_P(NoLauncher, CommunicatorContract, Backends);
INSTANTIATE_TYPED_TEST_SUITE_P(NoLauncher, AgreeContract, Backends);

}  // namespace
}  // namespace westofn::testing
