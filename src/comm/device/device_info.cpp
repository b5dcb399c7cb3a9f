// SPDX-License-Identifier: Apache-2.0
#include "comm/device/device_info.h"

#include <c10/cuda/CUDAFunctions.h>
#include <cuda_runtime_api.h>
#include <nccl.h>
#include <torch/version.h>

namespace westofn::comm {

std::vector<GpuInfo> list_gpus() {
  std::vector<GpuInfo> gpus;
  const int count = static_cast<int>(c10::cuda::device_count());  // 0, not an error, without a driver
  for (int i = 0; i < count; ++i) {
    cudaDeviceProp properties{};
    if (cudaGetDeviceProperties(&properties, i) != cudaSuccess) continue;
    gpus.push_back({properties.name, properties.totalGlobalMem});
  }
  return gpus;
}

std::string nccl_version() {
  int version = 0;
  if (ncclGetVersion(&version) != ncclSuccess) return "";
  return std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) + "." +
         std::to_string(version % 100);
}

std::string torch_version() { return TORCH_VERSION; }

}  // namespace westofn::comm
