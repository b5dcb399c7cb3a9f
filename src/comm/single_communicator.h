// SPDX-License-Identifier: Apache-2.0
// The communicator of a job of one rank: every function is the identity, so that no caller asks for the size.
#pragma once

#include "comm/communicator.h"

namespace westofn::comm {

class SingleCommunicator final : public Communicator {
 public:
  SingleCommunicator() : Communicator(0, 1) {}

 private:
  void do_barrier() override {}
  void do_broadcast(Bytes data, int root) override;
  void do_gather(ConstBytes mine, Bytes all, Sizes sizes, int root) override;
  void do_all_gather(ConstBytes mine, Bytes all, Sizes sizes) override;
  void do_all_to_all(ConstBytes from, Bytes to) override;
  void do_all_reduce(Bytes data, Reduction reduction) override;
  void do_send(ConstBytes data, int peer, int tag) override;
  void do_receive(Bytes data, int peer, int tag) override;
  void do_exchange(ConstBytes from, int target, Bytes to, int source) override;
  [[nodiscard]] std::unique_ptr<Communicator> do_split(int color, int key) override;
};

}  // namespace westofn::comm
