// SPDX-License-Identifier: Apache-2.0
// The device group of CPU tensors. A sum runs over the ranks in their order, so its bits depend on nothing else.
#pragma once

#include <cstddef>
#include <vector>

#include "comm/device/device_group.h"

namespace westofn::comm {

/// Every function has finished when it returns. bfloat16 and float16 travel as they are, are added in float32 and
/// rounded once.
class HostGroup final : public DeviceGroup {
 public:
  /// Local. Refers to `comm`, which must live longer.
  explicit HostGroup(Communicator& comm);

  void all_reduce(const at::Tensor& tensor) override;
  void add_to_owners(std::span<const Contribution> contributions, int contributors, SumStart start) override;
  void broadcast_from_owners(std::span<const OwnedTensor> tensors) override;
  void wait() override {}
  void close() override {}

 private:
  /// This rank's part of the sum of `tensor`, which is cut into size() equal parts; the last one may end in zeros.
  [[nodiscard]] at::Tensor summed_part(const at::Tensor& tensor);
  /// What `source` contributes to this rank's sums, while this rank's contributions go to `target`'s.
  [[nodiscard]] std::vector<std::byte> exchange(std::span<const Contribution> contributions, int target, int source,
                                                int contributors);

  Communicator& comm_;
};

}  // namespace westofn::comm
