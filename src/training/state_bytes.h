// SPDX-License-Identifier: Apache-2.0
// The memory of what a trainer keeps between steps, measured on its tensors.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <string>

#include "comm/communicator.h"
#include "training/task.h"

namespace westofn::training {

struct OwnedWeight;

/// Bytes on one rank. All but `weights` fall as 1 / ranks, as far as whole tensors can be shared evenly.
struct StateBytes {
  std::int64_t weights = 0;    ///< what the model computes with
  std::int64_t masters = 0;    ///< 0 where the weights are their own masters
  std::int64_t optimizer = 0;  ///< of the owned weights
  std::int64_t sums = 0;       ///< of gradients, of the owned weights
  std::int64_t best = 0;       ///< the best weights so far, in host memory

  [[nodiscard]] std::int64_t total() const { return weights + masters + optimizer + sums + best; }
};

/// Local. `sums` of the gradients: undefined where another rank owns the weight.
[[nodiscard]] StateBytes state_bytes(std::span<const TrainedWeight> weights, std::span<const OwnedWeight> owned,
                                     std::span<const at::Tensor> sums);

/// Collective. For the log: what the rank with the most holds of each kind, and all ranks together.
[[nodiscard]] std::string describe_largest(comm::Communicator& world, const StateBytes& mine);

}  // namespace westofn::training
