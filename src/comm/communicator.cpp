// SPDX-License-Identifier: Apache-2.0
#include "comm/communicator.h"

#include <numeric>
#include <string>

namespace westofn::comm {
namespace {

constexpr int max_tag = 9999;  // the back ends use larger tags for themselves

std::size_t sum_of(std::span<const std::size_t> sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), std::size_t{0});
}

}  // namespace

Communicator::Communicator(int rank, int size) : rank_(rank), size_(size) {
  WESTOFN_CHECK(size >= 1 && rank >= 0 && rank < size, "rank " + std::to_string(rank) + " of " + std::to_string(size));
}

void Communicator::check_rank(int rank) const {
  WESTOFN_CHECK(rank >= 0 && rank < size_, "rank " + std::to_string(rank) + " of " + std::to_string(size_));
}

void Communicator::check_peer(int peer, int tag) const {
  check_rank(peer);
  WESTOFN_CHECK(peer != rank_, "a message to oneself");
  WESTOFN_CHECK(tag >= 0 && tag <= max_tag, "tag " + std::to_string(tag));
}

void Communicator::barrier() { do_barrier(); }

void Communicator::broadcast_bytes(Bytes data, int root) {
  check_rank(root);
  do_broadcast(data, root);
  if (rank_ != root) *received_ += data.size();
}

void Communicator::gather_bytes(ConstBytes mine, Bytes all, int root) {
  gather_variable_bytes(mine, all, std::vector(static_cast<std::size_t>(size_), mine.size()), root);
}

void Communicator::all_gather_bytes(ConstBytes mine, Bytes all) {
  all_gather_variable_bytes(mine, all, std::vector(static_cast<std::size_t>(size_), mine.size()));
}

void Communicator::gather_variable_bytes(ConstBytes mine, Bytes all, const std::vector<std::size_t>& sizes, int root) {
  check_rank(root);
  const std::size_t total = sum_of(sizes);
  WESTOFN_CHECK(rank_ != root || all.size() == total, "the root's buffer does not fit what is gathered");
  do_gather(mine, all, sizes, root);
  if (rank_ == root) *received_ += total - mine.size();
}

void Communicator::all_gather_variable_bytes(ConstBytes mine, Bytes all, const std::vector<std::size_t>& sizes) {
  const std::size_t total = sum_of(sizes);
  WESTOFN_CHECK(all.size() == total, "the buffer does not fit what is gathered");
  do_all_gather(mine, all, sizes);
  *received_ += total - mine.size();
}

void Communicator::all_to_all_bytes(ConstBytes from, Bytes to) {
  WESTOFN_CHECK(from.size() == to.size() && from.size() % static_cast<std::size_t>(size_) == 0,
                "all_to_all needs two buffers of size() equal blocks");
  do_all_to_all(from, to);
  *received_ += to.size() - to.size() / static_cast<std::size_t>(size_);
}

void Communicator::all_reduce_bytes(Bytes data, Reduction reduction) {
  do_all_reduce(data, reduction);
  if (size_ > 1) *received_ += data.size();
}

void Communicator::send_bytes(ConstBytes data, int peer, int tag) {
  check_peer(peer, tag);
  do_send(data, peer, tag);
}

void Communicator::receive_bytes(Bytes data, int peer, int tag) {
  check_peer(peer, tag);
  do_receive(data, peer, tag);
  *received_ += data.size();
}

void Communicator::exchange_bytes(ConstBytes from, int target, Bytes to, int source) {
  constexpr int no_tag = 0;
  if (!from.empty()) check_peer(target, no_tag);
  if (!to.empty()) check_peer(source, no_tag);
  do_exchange(from, target, to, source);
  *received_ += to.size();
}

std::vector<std::size_t> Communicator::all_counts(std::size_t mine) {
  std::vector<std::size_t> counts(static_cast<std::size_t>(size_));
  all_gather(std::span<const std::size_t>(&mine, 1), counts);
  return counts;
}

std::unique_ptr<Communicator> Communicator::split(int color, int key) {
  WESTOFN_CHECK(color >= 0, "a color must not be negative");
  auto part = do_split(color, key);
  part->received_ = received_;
  return part;
}

}  // namespace westofn::comm
