// SPDX-License-Identifier: Apache-2.0
#include "comm/device/device_group.h"

#include "comm/device/host_group.h"
#include "comm/device/nccl_group.h"

namespace westofn::comm {

void DeviceGroup::broadcast(const at::Tensor& tensor, int owner) {
  const OwnedTensor owned{tensor, owner};
  broadcast_from_owners(std::span(&owned, 1));
}

void DeviceGroup::check_tensor(const at::Tensor& tensor) const {
  WESTOFN_CHECK(tensor.defined() && tensor.is_contiguous(), "a tensor that travels must be contiguous");
  WESTOFN_CHECK(tensor.device() == device_,
                "the tensor is on " + tensor.device().str() + ", its group on " + device_.str());
  switch (tensor.scalar_type()) {
    case at::kFloat:
    case at::kDouble:
    case at::kBFloat16:
    case at::kHalf:
    case at::kLong: return;
    default: WESTOFN_CHECK(false, "tensors of this type do not travel");
  }
}

void DeviceGroup::check_contribution(const Contribution& c, int contributors) const {
  WESTOFN_CHECK(c.mine.defined() == (rank_ < contributors) && c.sum.defined() == (rank_ == c.owner),
                "contributors have a tensor, owners a sum");
  if (c.mine.defined()) {
    check_tensor(c.mine);
    WESTOFN_CHECK(c.mine.numel() == c.count && c.mine.scalar_type() == c.type, "a contribution is as it is announced");
  }
  if (c.sum.defined()) {
    check_tensor(c.sum);
    WESTOFN_CHECK(c.sum.numel() == c.count && (c.sum.scalar_type() == at::kFloat || c.sum.scalar_type() == at::kDouble),
                  "sums are float32 or float64, as long as the contributions");
  }
}

std::unique_ptr<DeviceGroup> make_device_group(Communicator& comm, at::Device device, DeviceGroupOptions options) {
  if (device.is_cpu()) return std::make_unique<HostGroup>(comm);
  if (device.is_cuda()) return make_nccl_group(comm, device, options);
  throw ConfigError("runtime.device: " + device.str() + " is not supported; use cpu or cuda");
}

}  // namespace westofn::comm
