// SPDX-License-Identifier: Apache-2.0
#include <torch/version.h>

#include "comm/device/device_info.h"

namespace westofn::comm {

std::vector<GpuInfo> list_gpus() { return {}; }

std::string nccl_version() { return ""; }

std::string torch_version() { return TORCH_VERSION; }

}  // namespace westofn::comm
