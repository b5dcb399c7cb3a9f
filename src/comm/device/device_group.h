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

/// One tensor that several ranks have computed and one rank sums up.
struct Contribution {
  at::Tensor mine;  ///< of this rank; undefined: it contributes nothing
  at::Tensor sum;   ///< on the owner: where the contributions go, float32 or float64; elsewhere undefined
  int owner = 0;
  std::int64_t count = 0;            ///< elements
  at::ScalarType type = at::kFloat;  ///< of the contributions, the same on all ranks
};

/// Whether sums begin with what is there, or with the first contribution.
enum class SumStart { anew, from_what_is_there };

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

  /// Each owner adds to its sums what the ranks 0 .. `contributors`-1 contribute, in this order, each contribution
  /// rounded to nothing but the type of the sum: the bits depend on no other order. At least one rank contributes.
  virtual void add_to_owners(std::span<const Contribution> contributions, int contributors, SumStart start) = 0;

  /// Each tensor becomes that of its owner.
  virtual void broadcast_from_owners(std::span<const OwnedTensor> tensors) = 0;

  /// Returns when everything that was started is done. Throws CommError if a rank failed or the deadline has passed.
  virtual void wait() = 0;

  /// Frees what needs all ranks; the last call. The destructor never communicates.
  virtual void close() = 0;

  /// One tensor.
  void broadcast(const at::Tensor& tensor, int owner);

 protected:
  DeviceGroup(int rank, int size, at::Device device) : rank_(rank), size_(size), device_(device) {}

  /// Checks what all back ends ask of a tensor.
  void check_tensor(const at::Tensor& tensor) const;
  /// Checks what a rank contributes and where it goes.
  void check_contribution(const Contribution& contribution, int contributors) const;

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
