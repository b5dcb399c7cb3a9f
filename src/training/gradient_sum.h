// SPDX-License-Identifier: Apache-2.0
// The sum of the gradients of a step's micro-batches, made where the optimizer state is.
//
// Every micro-batch's gradients go to the owners of the weights in buckets, as soon as they are complete: on GPUs while
// the backward pass goes on, and no rank ever holds more of them than a bucket. An owner adds them in the order of the
// micro-batches, in float32 (float64 in a float64 model). That order does not depend on who computed what, so the sum
// has the same bits on any number of ranks.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "comm/device/device_group.h"
#include "training/task.h"

namespace westofn::training {

/// The type of sums and of optimizer states: float64 for float64 weights, else float32.
[[nodiscard]] at::ScalarType sum_type(const at::Tensor& weight);

/// Refers to its arguments.
class GradientSum {
 public:
  GradientSum(comm::DeviceGroup& group, std::span<const TrainedWeight> weights, std::span<const int> owners);

  /// Before the first micro-batch of a step.
  void begin_step();
  /// The first `contributors` ranks compute one micro-batch each; this one takes its gradients, or only receives.
  void begin_round(int contributors);
  /// The gradient of weight number `index`; in the order of the weights, all of them; undefined: 0.
  void take(std::size_t index, const at::Tensor& gradient);
  /// Collective, as are all calls between begin_round and end_round.
  void end_round();
  /// Waits until all sums are there: of the weights of this rank, undefined for all others. They stay valid until the
  /// next step begins.
  [[nodiscard]] std::span<const at::Tensor> finish();

  /// The memory of the sums, as `finish` gives it.
  [[nodiscard]] std::span<const at::Tensor> sums() const { return sums_; }

 private:
  [[nodiscard]] bool contributes() const { return group_.rank() < contributors_; }
  void add(std::size_t index, const at::Tensor& gradient);
  void flush();

  comm::DeviceGroup& group_;
  std::span<const TrainedWeight> weights_;
  std::span<const int> owners_;
  std::vector<at::Tensor> sums_;
  std::vector<comm::Contribution> bucket_;
  std::int64_t bucket_bytes_ = 0;
  std::size_t next_ = 0;  ///< weight
  int contributors_ = 0;
  comm::SumStart start_ = comm::SumStart::anew;
};

}  // namespace westofn::training
