// SPDX-License-Identifier: Apache-2.0
// The gradient of one global batch: micro-batches shared out over the ranks, summed exactly for the owners.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "app/stage.h"
#include "comm/device/device_group.h"
#include "model/t5.h"
#include "training/task.h"

namespace westofn::training {

/// The batch of a step as a fixed list of micro-batches, whatever the number of ranks.
struct StepBatch {
  std::int64_t step = 0;  ///< from 0
  std::vector<std::int64_t> examples;
  std::int64_t micro_batch = 1;  ///< examples of a part; the last may have fewer
  double weight = 0;             ///< of all examples

  [[nodiscard]] std::int64_t parts() const;
  [[nodiscard]] std::span<const std::int64_t> part(std::int64_t number) const;
};

/// What a rank wants to happen after a step.
struct Wishes {
  bool stop = false;
  bool checkpoint = false;
};

/// What all ranks know about a step. Equal on all ranks but for `owned`.
struct StepGradient {
  double loss = 0;                ///< mean
  double norm = 0;                ///< of the mean gradient
  std::int64_t broken_part = -1;  ///< the first micro-batch whose loss or gradient is not finite
  Wishes wishes;                  ///< of any rank
  std::vector<at::Tensor> owned;  ///< float32 mean gradients of the weights of this rank, undefined for all others

  /// Whether the weights may be changed by it.
  [[nodiscard]] bool is_finite() const;
};

/// Computes the gradients of a task. All ranks make one with equal arguments.
class GradientStep {
 public:
  /// Who takes part, and what is differentiated.
  struct Parts {
    app::StageRun& stage;
    comm::DeviceGroup& group;
    Task& task;
    std::span<const model::Parameter> parameters;
    std::span<const int> owners;  ///< rank of each parameter
  };
  GradientStep(Parts parts, std::uint64_t seed) : parts_(parts), seed_(seed) {}

  /// Collective. Same bits on any number of ranks.
  [[nodiscard]] StepGradient compute(const StepBatch& batch, Wishes mine);

 private:
  struct Local;
  void run_part(const StepBatch& batch, std::int64_t number, Local& local);
  void exchange_maxima(const StepBatch& batch, Local& local, StepGradient& result);
  void sum(const StepBatch& batch, Local& local, StepGradient& result);
  void measure_norm(StepGradient& result);

  Parts parts_;
  std::uint64_t seed_;
};

}  // namespace westofn::training
