// SPDX-License-Identifier: Apache-2.0
#include "comm/device/nccl_group.h"

namespace westofn::comm {

std::unique_ptr<DeviceGroup> make_nccl_group(Communicator&, at::Device device, DeviceGroupOptions) {
  throw ConfigError("runtime.device: " + device.str() +
                    " needs NCCL, which this build does not have; use cpu, or a PyTorch wheel with CUDA");
}

}  // namespace westofn::comm
