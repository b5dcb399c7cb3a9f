// SPDX-License-Identifier: Apache-2.0
// Collective operations on tensors: what training uses to sum gradients and to hand parameters round.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <span>

#include "comm/communicator.h"

namespace westofn::comm {

/// A tensor and the rank that keeps its optimizer state.
struct OwnedTensor {
  at::Tensor tensor;
  int owner = 0;
};

/// The ranks of a job as owners of tensors. All functions but rank(), size(), device() are *collective*: same order,
/// shapes and types on every rank. Tensors are contiguous, on device(), of type float32, float64, bfloat16, float16 or
/// int64. Functions may return before the work is done: the tensors must not be read or changed until wait().
class DeviceGroup {
 public:
  virtual ~DeviceGroup() = default;
  DeviceGroup(const DeviceGroup&) = delete;
  DeviceGroup& operator=(const DeviceGroup&) = delete;

  [[nodiscard]] int rank() const { return rank_; }
  [[nodiscard]] int size() const { return size_; }
  [[nodiscard]] at::Device device() const { return device_; }

  /// The tensor becomes the sum over the ranks: the same bits on every rank.
  virtual void all_reduce(const at::Tensor& tensor) = 0;

  /// Each tensor of its owner becomes the sum over the ranks; elsewhere it is left as it was.
  virtual void reduce_to_owners(std::span<const OwnedTensor> tensors) = 0;

  /// Each tensor becomes that of its owner.
  virtual void broadcast_from_owners(std::span<const OwnedTensor> tensors) = 0;

  /// `all` (size() times as many elements as `mine`) becomes the tensors of all ranks in rank order.
  virtual void all_gather(const at::Tensor& mine, const at::Tensor& all) = 0;

  /// `mine` becomes this rank's part, in rank order, of the sum of `all` (size() times as many elements) over the
  /// ranks.
  virtual void reduce_scatter(const at::Tensor& all, const at::Tensor& mine) = 0;

  /// Returns when everything that was started is done. Throws CommError if a rank failed or the deadline has passed.
  virtual void wait() = 0;

  /// Frees what needs all ranks; the last call. The destructor never communicates.
  virtual void close() = 0;

  /// One tensor.
  void reduce_to(const at::Tensor& tensor, int owner);
  /// One tensor.
  void broadcast(const at::Tensor& tensor, int owner);

 protected:
  DeviceGroup(int rank, int size, at::Device device) : rank_(rank), size_(size), device_(device) {}

  /// Checks what all back ends ask of a tensor.
  void check_tensor(const at::Tensor& tensor) const;
  /// Checks the tensors of all_gather and reduce_scatter.
  void check_parts(const at::Tensor& part, const at::Tensor& whole) const;

 private:
  int rank_;
  int size_;
  at::Device device_;
};

struct DeviceGroupOptions {
  /// Seconds that one device collective may take, waiting for the slowest rank included.
  double deadline_s = 1800;
};

/// Collective. On the CPU a group over `comm`, which it refers to; on a CUDA device one over NCCL. Throws ConfigError
/// if this build has no NCCL.
[[nodiscard]] std::unique_ptr<DeviceGroup> make_device_group(Communicator& comm, at::Device device,
                                                             DeviceGroupOptions options = {});

}  // namespace westofn::comm
