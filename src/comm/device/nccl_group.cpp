// SPDX-License-Identifier: Apache-2.0
#include "comm/device/nccl_group.h"

#include <ATen/cuda/CUDAEvent.h>
#include <ATen/ops/empty.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <nccl.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "comm/agree.h"
#include "util/clock.h"

namespace westofn::comm {
namespace {

constexpr auto kPause = std::chrono::microseconds(50);
constexpr double kSpin_s = 1e-3;

ncclDataType_t datatype(at::ScalarType type) {
  switch (type) {
    case at::kFloat: return ncclFloat32;
    case at::kDouble: return ncclFloat64;
    case at::kBFloat16: return ncclBfloat16;
    case at::kHalf: return ncclFloat16;
    case at::kLong: return ncclInt64;
    default: fail_check(__FILE__, __LINE__, "tensor type", "tensors of this type do not travel");
  }
}

std::size_t count_of(const at::Tensor& tensor) { return static_cast<std::size_t>(tensor.numel()); }

/// Collective. An id that rank 0 makes and all ranks learn.
ncclUniqueId shared_id(Communicator& comm) {
  ncclUniqueId id{};
  agree(comm, [&] {
    if (comm.rank() != 0) return;
    const ncclResult_t result = ncclGetUniqueId(&id);
    if (result != ncclSuccess) throw CommError(std::string("NCCL cannot start: ") + ncclGetErrorString(result));
  });
  comm.broadcast(std::span(&id, 1), 0);
  return id;
}

/// The communicator is non-blocking: every call returns at once and is polled, together with its stream, with the
/// heartbeats and with a deadline, so that a lost peer or a dead link ends the job instead of hanging it.
class NcclGroup final : public DeviceGroup {
 public:
  NcclGroup(Communicator& comm, at::Device device, DeviceGroupOptions options)
      : DeviceGroup(comm.rank(), comm.size(), device),
        host_(comm),
        options_(options),
        stream_(c10::cuda::getStreamFromPool(/*isHighPriority=*/true, device.index())) {
    const ncclUniqueId id = shared_id(comm);
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;
    const c10::cuda::CUDAGuard guard(device);
    try {
      check(ncclCommInitRankConfig(&nccl_, size(), id, rank(), &config), "ncclCommInitRankConfig");
    } catch (...) {
      give_up();
      throw;
    }
  }

  ~NcclGroup() override { give_up(); }

  void all_reduce(const at::Tensor& tensor) override {
    check_tensor(tensor);
    start({tensor}, "ncclAllReduce", [&] {
      return ncclAllReduce(tensor.data_ptr(), tensor.data_ptr(), count_of(tensor), datatype(tensor.scalar_type()),
                           ncclSum, nccl_, stream_.stream());
    });
  }

  void add_to_owners(std::span<const Contribution> contributions, int contributors, SumStart start) override {
    for (const auto& c : contributions) check_contribution(c, contributors);
    const c10::cuda::CUDAGuard guard(device());
    order_after_caller();
    // What is received belongs to our stream: it is made, added and freed there, while the caller goes on.
    const c10::cuda::CUDAStreamGuard on_stream(stream_);
    std::vector<std::vector<at::Tensor>> received(contributions.size());
    check(ncclGroupStart(), "ncclGroupStart");
    ncclResult_t result = ncclSuccess;
    for (std::size_t i = 0; i < contributions.size() && is_going(result); ++i) {
      const Contribution& c = contributions[i];
      if (c.mine.defined() && c.owner != rank()) result = send(c);
      for (int source = 0; c.owner == rank() && source < contributors && is_going(result); ++source) {
        at::Tensor part = source == rank() ? c.mine : at::empty({c.count}, at::TensorOptions(device()).dtype(c.type));
        if (source != rank()) {
          result = ncclRecv(part.data_ptr(), count_of(part), datatype(c.type), source, nccl_, stream_.stream());
        }
        received[i].push_back(std::move(part));
      }
    }
    const ncclResult_t end = ncclGroupEnd();
    check(is_going(result) ? end : result, "ncclSend, ncclRecv");
    for (std::size_t i = 0; i < contributions.size(); ++i) add_in_order(contributions[i], received[i], start);
  }

  void broadcast_from_owners(std::span<const OwnedTensor> tensors) override {
    start_grouped(tensors, "ncclBroadcast", [&](const OwnedTensor& owned) {
      return ncclBroadcast(owned.tensor.data_ptr(), owned.tensor.data_ptr(), count_of(owned.tensor),
                           datatype(owned.tensor.scalar_type()), owned.owner, nccl_, stream_.stream());
    });
  }

  void wait() override {
    const c10::cuda::CUDAGuard guard(device());
    poll("a device collective", [&] {
      const bool idle = stream_.query();  // throws c10::Error if the device failed
      return check_progress("a device collective") && idle;
    });
    in_use_.clear();
  }

  void close() override {
    if (nccl_ == nullptr) return;
    wait();
    check(ncclCommFinalize(nccl_), "ncclCommFinalize");
    const ncclResult_t result = ncclCommDestroy(nccl_);
    nccl_ = nullptr;
    if (result != ncclSuccess && result != ncclInProgress) fail(result, "ncclCommDestroy");
  }

 private:
  static bool is_going(ncclResult_t result) { return result == ncclSuccess || result == ncclInProgress; }

  /// What follows on our stream waits for everything that the caller has put on its own.
  void order_after_caller() {
    WESTOFN_CHECK(nccl_ != nullptr, "the group is closed");
    at::cuda::CUDAEvent before;
    before.record(c10::cuda::getCurrentCUDAStream(device().index()));
    before.block(stream_);
  }

  ncclResult_t send(const Contribution& c) {
    // The caller may drop the tensor at once: its memory is kept until our stream has passed this point.
    c10::cuda::CUDACachingAllocator::recordStream(c.mine.storage().data_ptr(), stream_);
    return ncclSend(c.mine.data_ptr(), count_of(c.mine), datatype(c.type), c.owner, nccl_, stream_.stream());
  }

  /// On our stream.
  void add_in_order(const Contribution& c, const std::vector<at::Tensor>& parts, SumStart start) {
    for (std::size_t source = 0; source < parts.size(); ++source) {
      const at::Tensor part = parts[source].view(-1);
      if (static_cast<int>(source) == rank()) {
        c10::cuda::CUDACachingAllocator::recordStream(part.storage().data_ptr(), stream_);
      }
      if (source == 0 && start == SumStart::anew) {
        c.sum.view(-1).copy_(part);
      } else {
        c.sum.view(-1).add_(part);
      }
    }
  }

  /// Starts one operation after everything that the caller has put on its own stream; keeps the tensors until wait().
  template <class F>
  void start(std::vector<at::Tensor> tensors, const char* call, const F& f) {
    const c10::cuda::CUDAGuard guard(device());
    order_after_caller();
    for (auto& tensor : tensors) in_use_.push_back(std::move(tensor));
    check(f(), call);
  }

  /// The same for many tensors in one NCCL group: one launch.
  template <class F>
  void start_grouped(std::span<const OwnedTensor> tensors, const char* call, const F& f) {
    std::vector<at::Tensor> held;
    for (const auto& owned : tensors) {
      check_tensor(owned.tensor);
      held.push_back(owned.tensor);
    }
    start(std::move(held), call, [&] {
      check(ncclGroupStart(), "ncclGroupStart");
      ncclResult_t result = ncclSuccess;
      for (const auto& owned : tensors) {
        result = f(owned);
        if (result != ncclSuccess && result != ncclInProgress) break;
      }
      const ncclResult_t end = ncclGroupEnd();
      return result != ncclSuccess && result != ncclInProgress ? result : end;
    });
  }

  /// Throws unless the call succeeded; waits for one that is in progress, as NCCL asks before the next call.
  void check(ncclResult_t result, const char* call) {
    if (result == ncclInProgress) {
      poll(call, [&] { return check_progress(call); });
    } else if (result != ncclSuccess) {
      fail(result, call);
    }
  }

  /// Whether NCCL has nothing in progress; throws if it has failed.
  [[nodiscard]] bool check_progress(const char* call) {
    ncclResult_t state = ncclSuccess;
    const ncclResult_t result = ncclCommGetAsyncError(nccl_, &state);
    if (result != ncclSuccess) fail(result, "ncclCommGetAsyncError");
    if (state != ncclSuccess && state != ncclInProgress) fail(state, call);
    return state == ncclSuccess;
  }

  template <class F>
  void poll(const char* call, const F& done) {
    const double start = steady_seconds();
    while (!done()) {
      host_.beat();
      const double waited = steady_seconds() - start;
      if (waited > options_.deadline_s) {
        char text[160];
        std::snprintf(text, sizeof text, "%s did not finish within the deadline of %g s: a rank or a link hangs", call,
                      options_.deadline_s);
        throw CommError(text);
      }
      if (waited > kSpin_s) std::this_thread::sleep_for(kPause);
    }
  }

  [[noreturn]] void fail(ncclResult_t result, const char* call) {
    throw CommError(std::string(call) + " failed: " + ncclGetErrorString(result) + " (" + ncclGetLastError(nccl_) +
                    "). Start the same command again; finished work is kept.");
  }

  /// Ends what is running without asking the other ranks.
  void give_up() {
    if (nccl_ != nullptr) ncclCommAbort(nccl_);
    nccl_ = nullptr;
  }

  Communicator& host_;
  DeviceGroupOptions options_;
  c10::cuda::CUDAStream stream_;
  ncclComm_t nccl_ = nullptr;
  std::vector<at::Tensor> in_use_;  ///< the allocator may not hand their memory to others before wait()
};

}  // namespace

std::unique_ptr<DeviceGroup> make_nccl_group(Communicator& comm, at::Device device, DeviceGroupOptions options) {
  agree(comm, [&] {
    const auto devices = c10::cuda::device_count();
    if (device.index() < 0 || device.index() >= devices) {
      throw ConfigError("runtime.device: " + device.str() + " is not there (this rank sees " +
                        std::to_string(static_cast<int>(devices)) + " CUDA devices); use cpu, or fewer ranks a node");
    }
  });
  return std::make_unique<NcclGroup>(comm, device, options);
}

}  // namespace westofn::comm
