// SPDX-License-Identifier: Apache-2.0
// The device group of CPU tensors. A sum runs over the ranks in their order, so its bits depend on nothing else.
#pragma once

#include "comm/device/device_group.h"

namespace westofn::comm {

/// Every function has finished when it returns. bfloat16 and float16 travel as they are, are added in float32 and
/// rounded once.
class HostGroup final : public DeviceGroup {
 public:
  /// Local. Refers to `comm`, which must live longer.
  explicit HostGroup(Communicator& comm);

  void all_reduce(const at::Tensor& tensor) override;
  void reduce_to_owners(std::span<const OwnedTensor> tensors) override;
  void broadcast_from_owners(std::span<const OwnedTensor> tensors) override;
  void all_gather(const at::Tensor& mine, const at::Tensor& all) override;
  void reduce_scatter(const at::Tensor& all, const at::Tensor& mine) override;
  void wait() override {}
  void close() override {}

 private:
  /// This rank's part of the sum of `tensor`, which is cut into size() equal parts; the last one may end in zeros.
  [[nodiscard]] at::Tensor summed_part(const at::Tensor& tensor);

  Communicator& comm_;
};

}  // namespace westofn::comm
