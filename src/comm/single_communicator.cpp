// SPDX-License-Identifier: Apache-2.0
#include "comm/single_communicator.h"

#include <algorithm>

namespace westofn::comm {

void SingleCommunicator::do_broadcast(Bytes, int) {}

void SingleCommunicator::do_gather(ConstBytes mine, Bytes all, Sizes, int) { std::ranges::copy(mine, all.begin()); }

void SingleCommunicator::do_all_gather(ConstBytes mine, Bytes all, Sizes) { std::ranges::copy(mine, all.begin()); }

void SingleCommunicator::do_all_to_all(ConstBytes from, Bytes to) { std::ranges::copy(from, to.begin()); }

void SingleCommunicator::do_all_reduce(Bytes, Reduction) {}

void SingleCommunicator::do_send(ConstBytes, int, int) {
  WESTOFN_CHECK(false, "there is no other rank to send to");  // check_peer lets nothing through
}

void SingleCommunicator::do_receive(Bytes, int, int) { WESTOFN_CHECK(false, "there is no other rank to receive from"); }

void SingleCommunicator::do_exchange(ConstBytes, int, Bytes, int) {}  // with others there is nothing to exchange

std::unique_ptr<Communicator> SingleCommunicator::do_split(int, int) { return std::make_unique<SingleCommunicator>(); }

}  // namespace westofn::comm
