// SPDX-License-Identifier: Apache-2.0
// One global batch to the gradient of its mean loss: micro-batches shared out over the ranks, sums made by owners.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "app/stage.h"
#include "comm/device/device_group.h"
#include "training/gradient_sum.h"
#include "training/task.h"

namespace westofn::training {

/// The examples of a step, cut into micro-batches in their order.
struct StepBatch {
  std::int64_t step = 0;  ///< from 0
  std::vector<std::int64_t> examples;
  std::int64_t micro_batch = 1;  ///< examples computed at once
  double weight = 0;             ///< of all examples

  [[nodiscard]] std::int64_t parts() const;
  [[nodiscard]] std::span<const std::int64_t> part(std::int64_t number) const;
};

/// What a rank would like to happen after the step; any rank's wish counts.
struct Wishes {
  bool stop = false;
  bool checkpoint = false;
};

/// The same on all ranks but for `sums`.
struct StepGradient {
  double loss = 0;                   ///< mean
  double norm = 0;                   ///< of the whole mean gradient
  std::int64_t broken_part = -1;     ///< the first micro-batch whose loss or gradient is not finite
  Wishes wishes;                     ///< of any rank
  std::span<const at::Tensor> sums;  ///< of the weights of this rank, undefined for all others
  double factor = 0;                 ///< what the sums are multiplied by to be the mean gradient

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
    std::span<const TrainedWeight> weights;
    std::span<const int> owners;  ///< rank of each weight
  };
  GradientStep(Parts parts, std::uint64_t seed);

  /// Collective. Same bits on any number of ranks.
  [[nodiscard]] StepGradient compute(const StepBatch& batch, Wishes mine);

  /// Where the sums are kept: of the weights of this rank, undefined for all others.
  [[nodiscard]] std::span<const at::Tensor> sums() const { return sum_.sums(); }

 private:
  [[nodiscard]] std::size_t index_of(const at::Tensor& weight) const;
  [[nodiscard]] double run_part(const StepBatch& batch, std::int64_t number, const gradient::GradientSink& sink);
  void exchange_losses(std::vector<double>& losses, const StepBatch& batch, StepGradient& result);
  void measure_norm(StepGradient& result);
  void find_broken_part(const StepBatch& batch, StepGradient& result);

  Parts parts_;
  std::uint64_t seed_;
  GradientSum sum_;
};

}  // namespace westofn::training
