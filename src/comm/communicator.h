// SPDX-License-Identifier: Apache-2.0
// How the ranks of a job talk to each other on the host: one small interface for MPI, one process and threads.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <ranges>
#include <span>
#include <type_traits>
#include <vector>

#include "util/error.h"

namespace westofn::comm {

enum class ReduceOp { sum, min, max };

/// The number types that can be reduced.
enum class ScalarType { int32, int64, uint64, float32, float64 };

template <class T>
concept Reducible = std::same_as<T, std::int32_t> || std::same_as<T, std::int64_t> || std::same_as<T, std::uint64_t> ||
    std::same_as<T, float> || std::same_as<T, double>;

/// A vector, array, string or span of values that may be copied byte by byte.
template <class R>
concept Values = std::ranges::contiguous_range<R> && std::ranges::sized_range<R> &&
    std::is_trivially_copyable_v<std::ranges::range_value_t<R>> && !std::is_pointer_v<std::ranges::range_value_t<R>>;

template <class R>
concept ReducibleValues = Values<R> && Reducible<std::ranges::range_value_t<R>>;

/// Vectors of different length from all ranks, one after the other in rank order.
template <class T>
struct Gathered {
  std::vector<T> values;
  std::vector<std::size_t> counts;  ///< one a rank; empty on a rank that received nothing

  /// The values of one rank.
  [[nodiscard]] std::span<const T> of(int rank) const {
    std::size_t begin = 0;
    for (std::size_t r = 0; r < static_cast<std::size_t>(rank); ++r) begin += counts[r];
    return std::span<const T>(values).subspan(begin, counts[static_cast<std::size_t>(rank)]);
  }
};

/// A group of ranks. *Collective* functions are called by every rank of the group in the same order with matching
/// arguments; all others are *Local*. Every function may throw CommError; after that the communicator is unusable.
/// Called from one thread (the one that opened the session).
class Communicator {
 public:
  virtual ~Communicator() = default;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  [[nodiscard]] int rank() const { return rank_; }
  [[nodiscard]] int size() const { return size_; }

  /// Local. Tells the peers that this rank makes progress. Long loops call it in every round: all calls but about two
  /// a second cost one look at the clock. Throws CommError if the watched peer is silent past the deadline.
  virtual void beat() {}

  /// Local. Bytes that other ranks have sent to this one, through this communicator and all that were split from it
  /// or that it was split from; a reduction counts as its own length, heartbeats do not count.
  [[nodiscard]] std::uint64_t bytes_received() const { return *received_; }

  /// Collective. Returns when every rank has called it.
  void barrier();

  /// Collective. `values`, equally long everywhere, become those of the root.
  template <Values R>
  void broadcast(R&& values, int root) {
    broadcast_bytes(std::as_writable_bytes(writable(values)), root);
  }

  /// Collective. Equal counts: `all` on the root becomes the values of all ranks in rank order (size() * count of
  /// them); elsewhere it is left alone and may be empty.
  template <Values R, Values S>
  void gather(const R& mine, S&& all, int root) {
    gather_bytes(std::as_bytes(readable(mine)), std::as_writable_bytes(writable_as<R>(all)), root);
  }

  /// Collective. As gather, for every rank.
  template <Values R, Values S>
  void all_gather(const R& mine, S&& all) {
    all_gather_bytes(std::as_bytes(readable(mine)), std::as_writable_bytes(writable_as<R>(all)));
  }

  /// Collective. The root gets the values of all ranks, which may differ in number; the others get an empty result.
  template <Values R>
  [[nodiscard]] Gathered<std::ranges::range_value_t<R>> gather_variable(const R& mine, int root) {
    const auto counts = all_counts(std::ranges::size(mine));
    if (rank_ != root) {
      gather_variable_bytes(std::as_bytes(readable(mine)), {}, byte_sizes<R>(counts), root);
      return {};
    }
    auto result = make_gathered<R>(counts);
    gather_variable_bytes(std::as_bytes(readable(mine)), std::as_writable_bytes(std::span(result.values)),
                          byte_sizes<R>(counts), root);
    return result;
  }

  /// Collective. As gather_variable, for every rank.
  template <Values R>
  [[nodiscard]] Gathered<std::ranges::range_value_t<R>> all_gather_variable(const R& mine) {
    auto result = make_gathered<R>(all_counts(std::ranges::size(mine)));
    all_gather_variable_bytes(std::as_bytes(readable(mine)), std::as_writable_bytes(std::span(result.values)),
                              byte_sizes<R>(result.counts));
    return result;
  }

  /// Collective. Rank r's block number k of `from` becomes block r of `to` on rank k; both hold size() equal blocks.
  template <Values R, Values S>
  void all_to_all(const R& from, S&& to) {
    all_to_all_bytes(std::as_bytes(readable(from)), std::as_writable_bytes(writable_as<R>(to)));
  }

  /// Collective. `values`, equally long everywhere, become their element-wise sum, minimum or maximum over the ranks:
  /// the same bits on every rank.
  template <ReducibleValues R>
  void all_reduce(R&& values, ReduceOp op) {
    using T = std::ranges::range_value_t<R>;
    all_reduce_bytes(std::as_writable_bytes(writable(values)), {scalar_type<T>(), sizeof(T), op});
  }

  /// Collective. The same for one value.
  template <Reducible T>
  [[nodiscard]] T all_reduce(T value, ReduceOp op) {
    all_reduce(std::span<T>(&value, 1), op);
    return value;
  }

  /// Sends to one other rank; may wait until the peer receives. Tags are 0 to 9999.
  template <Values R>
  void send(const R& values, int peer, int tag) {
    send_bytes(std::as_bytes(readable(values)), peer, tag);
  }

  /// Receives what `peer` sent with this tag, in the order of sending; the lengths must be equal (else CommError).
  template <Values R>
  void receive(R&& values, int peer, int tag) {
    receive_bytes(std::as_writable_bytes(writable(values)), peer, tag);
  }

  /// Sends `from` to one other rank and receives `to` from another (or the same) at the same time; either may be empty,
  /// and then nothing travels that way. The lengths must be equal to those of the other ends.
  template <Values R, Values S>
  void exchange(const R& from, int target, S&& to, int source) {
    exchange_bytes(std::as_bytes(readable(from)), target, std::as_writable_bytes(writable_as<R>(to)), source);
  }

  /// Collective. A communicator for the ranks with the same color (>= 0), ordered by key, then by rank.
  [[nodiscard]] std::unique_ptr<Communicator> split(int color, int key);

 protected:
  using Bytes = std::span<std::byte>;
  using ConstBytes = std::span<const std::byte>;
  using Sizes = std::span<const std::size_t>;  ///< bytes of every rank, the same on all ranks

  struct Reduction {
    ScalarType type;
    std::size_t width;  ///< bytes of one value
    ReduceOp op;
  };

  Communicator(int rank, int size);

 private:
  // The back ends: arguments are checked, the rank's own part is not yet copied.
  virtual void do_barrier() = 0;
  virtual void do_broadcast(Bytes data, int root) = 0;
  virtual void do_gather(ConstBytes mine, Bytes all, Sizes sizes, int root) = 0;
  virtual void do_all_gather(ConstBytes mine, Bytes all, Sizes sizes) = 0;
  virtual void do_all_to_all(ConstBytes from, Bytes to) = 0;
  virtual void do_all_reduce(Bytes data, Reduction reduction) = 0;
  virtual void do_send(ConstBytes data, int peer, int tag) = 0;
  virtual void do_receive(Bytes data, int peer, int tag) = 0;
  virtual void do_exchange(ConstBytes from, int target, Bytes to, int source) = 0;
  [[nodiscard]] virtual std::unique_ptr<Communicator> do_split(int color, int key) = 0;

  void broadcast_bytes(Bytes data, int root);
  void gather_bytes(ConstBytes mine, Bytes all, int root);
  void all_gather_bytes(ConstBytes mine, Bytes all);
  void gather_variable_bytes(ConstBytes mine, Bytes all, const std::vector<std::size_t>& sizes, int root);
  void all_gather_variable_bytes(ConstBytes mine, Bytes all, const std::vector<std::size_t>& sizes);
  void all_to_all_bytes(ConstBytes from, Bytes to);
  void all_reduce_bytes(Bytes data, Reduction reduction);
  void send_bytes(ConstBytes data, int peer, int tag);
  void receive_bytes(Bytes data, int peer, int tag);
  void exchange_bytes(ConstBytes from, int target, Bytes to, int source);
  [[nodiscard]] std::vector<std::size_t> all_counts(std::size_t mine);
  void check_rank(int rank) const;
  void check_peer(int peer, int tag) const;

  template <class R>
  static auto readable(const R& values) {
    return std::span<const std::ranges::range_value_t<R>>(std::ranges::data(values), std::ranges::size(values));
  }
  template <class R>
  static auto writable(R& values) {
    return std::span<std::ranges::range_value_t<R>>(std::ranges::data(values), std::ranges::size(values));
  }
  template <class Source, class R>
  static auto writable_as(R& values) {
    static_assert(std::same_as<std::ranges::range_value_t<Source>, std::ranges::range_value_t<R>>);
    return writable(values);
  }
  template <class R>
  static std::vector<std::size_t> byte_sizes(std::vector<std::size_t> counts) {
    for (auto& count : counts) count *= sizeof(std::ranges::range_value_t<R>);
    return counts;
  }
  template <class R>
  static Gathered<std::ranges::range_value_t<R>> make_gathered(const std::vector<std::size_t>& counts) {
    Gathered<std::ranges::range_value_t<R>> result;
    std::size_t total = 0;
    for (const auto count : counts) total += count;
    result.values.resize(total);
    result.counts = counts;
    return result;
  }
  template <Reducible T>
  static constexpr ScalarType scalar_type() {
    if constexpr (std::same_as<T, std::int32_t>) return ScalarType::int32;
    if constexpr (std::same_as<T, std::int64_t>) return ScalarType::int64;
    if constexpr (std::same_as<T, std::uint64_t>) return ScalarType::uint64;
    if constexpr (std::same_as<T, float>) return ScalarType::float32;
    if constexpr (std::same_as<T, double>) return ScalarType::float64;
  }

  int rank_;
  int size_;
  std::shared_ptr<std::uint64_t> received_ = std::make_shared<std::uint64_t>(0);
};

}  // namespace westofn::comm
