// SPDX-License-Identifier: Apache-2.0
// The contract of device groups: on the CPU, and by NCCL where every rank has a GPU of its own.
#include <ATen/Context.h>
#include <gtest/gtest.h>

#include <functional>

#include "comm/device/host_group.h"
#include "support/device_group_contract.h"
#include "support/mpi_main.h"

namespace westofn::testing {
namespace {

struct Host {
  static void run(const std::function<void(DeviceGroup&)>& f) {
    const auto group = comm::make_device_group(world(), at::kCPU);
    f(*group);
    group->close();
  }
};

bool every_rank_has_a_gpu() {
  const std::int32_t enough = static_cast<int>(at::getNumGPUs()) >= session().node().size() ? 1 : 0;
  return world().all_reduce(enough, comm::ReduceOp::min) == 1;
}

struct Nccl {
  static void run(const std::function<void(DeviceGroup&)>& f) {
    if (!every_rank_has_a_gpu()) GTEST_SKIP() << "needs a GPU for every rank";
    const at::Device device(at::kCUDA, static_cast<at::DeviceIndex>(session().node().rank()));
    const auto group = comm::make_device_group(world(), device);
    f(*group);
    group->close();
  }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Cpu, DeviceGroupContract, Host);
INSTANTIATE_TYPED_TEST_SUITE_P(Gpu, DeviceGroupContract, Nccl);

TEST(HostGroup, AddsInRankOrderInFloat32AndRoundsOnce) {
  for (const auto type : {at::kFloat, at::kBFloat16, at::kHalf}) {
    at::Tensor expected = contribution(0, 777, type).to(at::kFloat);
    for (int r = 1; r < world().size(); ++r) expected.add_(contribution(r, 777, type).to(at::kFloat));
    const at::Tensor tensor = contribution(world().rank(), 777, type);
    comm::HostGroup group(world());
    group.all_reduce(tensor);
    EXPECT_TRUE(at::equal(tensor, expected.to(type)));
  }
}

TEST(MakeDeviceGroup, RefusesADeviceThatIsNotThere) {
  EXPECT_THROW((void)comm::make_device_group(world(), at::Device(at::kCUDA, 99)), Error);
  EXPECT_THROW((void)comm::make_device_group(world(), at::Device(at::kMeta)), ConfigError);
}

}  // namespace
}  // namespace westofn::testing
