// SPDX-License-Identifier: Apache-2.0
// The communicator over MPI: non-blocking operations that are polled, so that a lost peer cannot stop this rank.
#pragma once

#include <cstddef>
#include <memory>

#include "comm/communicator.h"
#include "comm/heartbeat.h"
#include "comm/mpi_handle.h"

namespace westofn::comm {

class MpiCommunicator final : public Communicator {
 public:
  /// Local. Owns `handle` and frees it, unless an exception is in flight or MPI has ended.
  MpiCommunicator(MpiHandle handle, std::shared_ptr<Heartbeat> heartbeat);
  ~MpiCommunicator() override;

  void beat() override { heartbeat_->beat(); }
  [[nodiscard]] MpiHandle handle() const { return handle_; }

  /// Local; the same value on all ranks. Longer messages are cut, because MPI counts with an int: below 2^31. Parts
  /// split off later inherit it.
  void set_chunk_bytes(std::size_t bytes) { chunk_bytes_ = bytes; }

 private:
  void do_barrier() override;
  void do_broadcast(Bytes data, int root) override;
  void do_gather(ConstBytes mine, Bytes all, Sizes sizes, int root) override;
  void do_all_gather(ConstBytes mine, Bytes all, Sizes sizes) override;
  void do_all_to_all(ConstBytes from, Bytes to) override;
  void do_all_reduce(Bytes data, Reduction reduction) override;
  void do_send(ConstBytes data, int peer, int tag) override;
  void do_receive(Bytes data, int peer, int tag) override;
  void do_exchange(ConstBytes from, int target, Bytes to, int source) override;
  [[nodiscard]] std::unique_ptr<Communicator> do_split(int color, int key) override;

  [[nodiscard]] std::size_t own() const { return static_cast<std::size_t>(rank()); }

  MpiHandle handle_;
  std::shared_ptr<Heartbeat> heartbeat_;
  std::size_t chunk_bytes_ = std::size_t{1} << 30;
  int exceptions_at_start_;
};

/// Local. Rank and size of a handle.
[[nodiscard]] int mpi_rank(MpiHandle handle);
[[nodiscard]] int mpi_size(MpiHandle handle);

}  // namespace westofn::comm
