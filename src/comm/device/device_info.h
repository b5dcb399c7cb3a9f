// SPDX-License-Identifier: Apache-2.0
// What devices this build and this machine have, for `doctor` and for logs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace westofn::comm {

struct GpuInfo {
  std::string name;
  std::uint64_t bytes = 0;  ///< its memory
};

/// Local. The GPUs that this process sees; empty without one, without a driver, and in a build without CUDA.
[[nodiscard]] std::vector<GpuInfo> list_gpus();

/// Local. "2.28.9", or empty in a build without NCCL.
[[nodiscard]] std::string nccl_version();

/// Local. "2.11.0".
[[nodiscard]] std::string torch_version();

}  // namespace westofn::comm
