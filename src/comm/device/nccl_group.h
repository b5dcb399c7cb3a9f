// SPDX-License-Identifier: Apache-2.0
// The device group of CUDA tensors, or the error of a build without NCCL.
#pragma once

#include <memory>

#include "comm/device/device_group.h"

namespace westofn::comm {

/// Collective. Refers to `comm`, which must live longer. Throws ConfigError without NCCL or without the device.
[[nodiscard]] std::unique_ptr<DeviceGroup> make_nccl_group(Communicator& comm, at::Device device,
                                                           DeviceGroupOptions options);

}  // namespace westofn::comm
