// SPDX-License-Identifier: Apache-2.0
#include "comm/thread_communicator.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <tuple>

namespace westofn::comm {
namespace {

/// Ends a wait because another rank has failed; its error is the one that counts.
struct WokenUp : CommError {
  WokenUp() : CommError("another rank has failed") {}
};

/// What all ranks of one run share: one lock is enough for tests.
struct Job {
  std::mutex mutex;
  std::condition_variable changed;
  bool failed = false;
};

/// What one rank shows to the others of its group during an operation.
struct Slot {
  std::span<const std::byte> in = {};
  int color = 0;
  int key = 0;
};

struct Group {
  explicit Group(std::shared_ptr<Job> owner, std::size_t size) : job(std::move(owner)), slots(size), parts(size) {}

  std::shared_ptr<Job> job;
  std::vector<Slot> slots;
  std::vector<std::shared_ptr<Group>> parts;  ///< groups made by a split, at the place of their first rank
  std::size_t arrived = 0;
  std::uint64_t round = 0;
  std::map<std::tuple<int, int, int>, std::deque<std::vector<std::byte>>> mail;  ///< by source, target, tag
};

template <class T>
T reduce(T a, T b, ReduceOp op) {
  switch (op) {
    case ReduceOp::sum: return static_cast<T>(a + b);
    case ReduceOp::min: return std::min(a, b);
    case ReduceOp::max: return std::max(a, b);
  }
  return a;
}

template <class T>
void reduce_into(std::span<std::byte> total, std::span<const std::byte> more, ReduceOp op) {
  for (std::size_t at = 0; at < total.size(); at += sizeof(T)) {
    T a;
    T b;
    std::memcpy(&a, total.data() + at, sizeof(T));
    std::memcpy(&b, more.data() + at, sizeof(T));
    a = reduce(a, b, op);
    std::memcpy(total.data() + at, &a, sizeof(T));
  }
}

void reduce_into(std::span<std::byte> total, std::span<const std::byte> more, ScalarType type, ReduceOp op) {
  switch (type) {
    case ScalarType::int32: return reduce_into<std::int32_t>(total, more, op);
    case ScalarType::int64: return reduce_into<std::int64_t>(total, more, op);
    case ScalarType::uint64: return reduce_into<std::uint64_t>(total, more, op);
    case ScalarType::float32: return reduce_into<float>(total, more, op);
    case ScalarType::float64: return reduce_into<double>(total, more, op);
  }
}

/// Every operation: show, wait until all have shown, read what others show, wait until all have read.
class ThreadCommunicator final : public Communicator {
 public:
  ThreadCommunicator(std::shared_ptr<Group> group, int rank)
      : Communicator(rank, static_cast<int>(group->slots.size())), group_(std::move(group)) {}

 private:
  enum class OnFailure { wake, finish };

  void do_barrier() override { meet(OnFailure::wake); }

  void do_broadcast(Bytes data, int root) override {
    exchange({data}, [&] {
      if (rank() != root) copy(slot(root).in, data);
    });
  }

  void do_gather(ConstBytes mine, Bytes all, Sizes sizes, int root) override {
    exchange({mine}, [&] {
      if (rank() == root) collect(all, sizes);
    });
  }

  void do_all_gather(ConstBytes mine, Bytes all, Sizes sizes) override {
    exchange({mine}, [&] { collect(all, sizes); });
  }

  void do_all_to_all(ConstBytes from, Bytes to) override {
    const std::size_t block = from.size() / group_->slots.size();
    exchange({from}, [&] {
      for (int peer = 0; peer < size(); ++peer) {
        if (slot(peer).in.size() != from.size()) return mismatch();
        copy(slot(peer).in.subspan(static_cast<std::size_t>(rank()) * block, block),
             to.subspan(static_cast<std::size_t>(peer) * block, block));
      }
    });
  }

  void do_all_reduce(Bytes data, Reduction reduction) override {
    const std::vector<std::byte> mine(data.begin(), data.end());
    std::vector<std::byte> total;
    exchange({mine}, [&] {
      total.assign(slot(0).in.begin(), slot(0).in.end());
      for (int peer = 1; peer < size(); ++peer) {
        if (slot(peer).in.size() != total.size()) return mismatch();
        reduce_into(total, slot(peer).in, reduction.type, reduction.op);
      }
    });
    std::ranges::copy(total, data.begin());
  }

  void do_send(ConstBytes data, int peer, int tag) override {
    const std::lock_guard lock(group_->job->mutex);
    group_->mail[{rank(), peer, tag}].emplace_back(data.begin(), data.end());
    group_->job->changed.notify_all();
  }

  void do_receive(Bytes data, int peer, int tag) override {
    std::unique_lock lock(group_->job->mutex);
    auto& box = group_->mail[{peer, rank(), tag}];
    group_->job->changed.wait(lock, [&] { return !box.empty() || group_->job->failed; });
    if (box.empty()) throw WokenUp();
    const auto message = std::move(box.front());
    box.pop_front();
    if (message.size() != data.size()) {
      throw CommError("rank " + std::to_string(peer) + " sent " + std::to_string(message.size()) + " bytes where " +
                      std::to_string(data.size()) + " were expected");
    }
    std::ranges::copy(message, data.begin());
  }

  void do_exchange(ConstBytes from, int target, Bytes to, int source) override {
    constexpr int exchange_tag = -1;
    if (!from.empty()) do_send(from, target, exchange_tag);
    if (!to.empty()) do_receive(to, source, exchange_tag);
  }

  std::unique_ptr<Communicator> do_split(int color, int key) override {
    std::vector<int> members;
    exchange(Slot{{}, color, key}, [&] {
      for (int peer = 0; peer < size(); ++peer) {
        if (slot(peer).color == color) members.push_back(peer);
      }
      std::ranges::stable_sort(members, {}, [&](int peer) { return slot(peer).key; });
      if (members.front() == rank()) own_part() = std::make_shared<Group>(group_->job, members.size());
    });
    const auto first = static_cast<std::size_t>(members.front());
    const int part_rank = static_cast<int>(std::ranges::find(members, rank()) - members.begin());
    auto part = std::make_unique<ThreadCommunicator>(group_->parts[first], part_rank);
    meet(OnFailure::finish);
    own_part().reset();
    return part;
  }

  /// Waits until all ranks of the group are here. Between the two meetings of an operation a rank must not leave,
  /// whatever happened elsewhere: the others read its buffers. Nothing there can fail, so that wait always ends.
  void meet(OnFailure on_failure) {
    Job& job = *group_->job;
    std::unique_lock lock(job.mutex);
    const bool wake = on_failure == OnFailure::wake;
    if (wake && job.failed) throw WokenUp();
    const std::uint64_t round = group_->round;
    if (++group_->arrived == group_->slots.size()) {
      group_->arrived = 0;
      ++group_->round;
      job.changed.notify_all();
      return;
    }
    job.changed.wait(lock, [&] { return group_->round != round || (wake && job.failed); });
    if (group_->round == round) throw WokenUp();
  }

  template <class F>
  void exchange(Slot shown, const F& read) {
    group_->slots[static_cast<std::size_t>(rank())] = shown;
    meet(OnFailure::wake);
    read();
    meet(OnFailure::finish);
    WESTOFN_CHECK(fits_, "the ranks called a collective function with buffers of different length");
  }

  void collect(Bytes all, Sizes sizes) {
    for (int peer = 0; peer < size(); ++peer) {
      const std::size_t count = sizes[static_cast<std::size_t>(peer)];
      copy(slot(peer).in, all.first(count));
      all = all.subspan(count);
    }
  }

  void copy(ConstBytes from, Bytes to) {
    if (from.size() != to.size()) return mismatch();
    std::ranges::copy(from, to.begin());
  }

  void mismatch() { fits_ = false; }
  [[nodiscard]] const Slot& slot(int peer) const { return group_->slots[static_cast<std::size_t>(peer)]; }
  [[nodiscard]] std::shared_ptr<Group>& own_part() { return group_->parts[static_cast<std::size_t>(rank())]; }

  std::shared_ptr<Group> group_;
  bool fits_ = true;
};

/// The error to report: that of a rank that failed, rather than of one that heard of it or was woken up.
class FirstError {
 public:
  void add(std::exception_ptr error) {
    const int weight = weight_of(error);
    if (weight > weight_) {
      weight_ = weight;
      error_ = std::move(error);
    }
  }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  static int weight_of(const std::exception_ptr& error) {
    try {
      std::rethrow_exception(error);
    } catch (const WokenUp&) {
      return 1;
    } catch (const PeerError&) {
      return 2;
    } catch (...) {
      return 3;
    }
  }

  int weight_ = 0;
  std::exception_ptr error_;
};

}  // namespace

void run_threads(int size, const std::function<void(Communicator&)>& f) {
  const auto job = std::make_shared<Job>();
  const auto group = std::make_shared<Group>(job, static_cast<std::size_t>(size));
  FirstError first;
  const auto run = [&](int rank) {
    try {
      ThreadCommunicator comm(group, rank);
      f(comm);
    } catch (...) {
      const std::lock_guard lock(job->mutex);
      first.add(std::current_exception());
      job->failed = true;
      job->changed.notify_all();
    }
  };
  std::vector<std::jthread> threads;
  threads.reserve(static_cast<std::size_t>(size));
  for (int rank = 0; rank < size; ++rank) threads.emplace_back(run, rank);
  threads.clear();  // joins
  first.rethrow();
}

}  // namespace westofn::comm
