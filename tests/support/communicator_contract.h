// SPDX-License-Identifier: Apache-2.0
// What every Communicator promises: one suite, instantiated for one process, threads and MPI.
//
// A back end is a type with `static void run(const std::function<void(Communicator&)>&)`, which runs the function on
// every rank. Tests do the collective first and assert afterwards, so that a failed assertion strands nobody.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "comm/communicator.h"

namespace westofn::testing {

using comm::Communicator;
using comm::ReduceOp;

struct Point {
  std::int32_t x;
  double y;
  bool operator==(const Point&) const = default;
};

template <class Backend>
class CommunicatorContract : public ::testing::Test {
 protected:
  static void run(const std::function<void(Communicator&)>& f) { Backend::run(f); }
};
TYPED_TEST_SUITE_P(CommunicatorContract);

/// 0, 1, 2 ... as T, shifted by `first`.
template <class T>
std::vector<T> sequence(std::size_t count, int first) {
  std::vector<T> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<T>(first + static_cast<int>(i));
  return values;
}

TYPED_TEST_P(CommunicatorContract, KnowsItsRanks) {
  this->run([](Communicator& comm) {
    comm.barrier();
    comm.beat();
    EXPECT_GE(comm.rank(), 0);
    EXPECT_LT(comm.rank(), comm.size());
    EXPECT_EQ(comm.all_reduce(std::int32_t{1}, ReduceOp::sum), comm.size());
  });
}

TYPED_TEST_P(CommunicatorContract, BroadcastsFromEveryRoot) {
  this->run([](Communicator& comm) {
    for (int root = 0; root < comm.size(); ++root) {
      std::vector<Point> points(5, Point{-1, -1.0});
      std::string text(40, '?');
      if (comm.rank() == root) {
        for (std::size_t i = 0; i < points.size(); ++i) points[i] = {root, 0.5 * static_cast<double>(i)};
        text = std::string(40, static_cast<char>('a' + root));
      }
      comm.broadcast(points, root);
      comm.broadcast(text, root);
      for (std::size_t i = 0; i < points.size(); ++i) {
        EXPECT_EQ(points[i], (Point{root, 0.5 * static_cast<double>(i)}));
      }
      EXPECT_EQ(text, std::string(40, static_cast<char>('a' + root)));
    }
  });
}

TYPED_TEST_P(CommunicatorContract, AcceptsEmptyBuffers) {
  this->run([](Communicator& comm) {
    std::vector<double> none;
    comm.broadcast(none, 0);
    comm.gather(none, none, 0);
    comm.all_gather(none, none);
    comm.all_to_all(none, none);
    comm.all_reduce(none, ReduceOp::sum);
    EXPECT_TRUE(comm.gather_variable(none, comm.size() - 1).values.empty());
    EXPECT_TRUE(comm.all_gather_variable(none).values.empty());
  });
}

TYPED_TEST_P(CommunicatorContract, GathersEqualCountsToEveryRoot) {
  this->run([](Communicator& comm) {
    for (int root = 0; root < comm.size(); ++root) {
      const std::array<std::int64_t, 3> mine{comm.rank(), 10 * comm.rank(), -comm.rank()};
      std::vector<std::int64_t> all(comm.rank() == root ? 3 * static_cast<std::size_t>(comm.size()) : 1, 77);
      comm.gather(mine, all, root);
      if (comm.rank() != root) {
        EXPECT_EQ(all, std::vector<std::int64_t>{77});
        continue;
      }
      for (int r = 0; r < comm.size(); ++r) {
        const auto at = 3 * static_cast<std::size_t>(r);
        EXPECT_EQ(all[at], r);
        EXPECT_EQ(all[at + 1], 10 * r);
        EXPECT_EQ(all[at + 2], -r);
      }
    }
  });
}

TYPED_TEST_P(CommunicatorContract, AllGathersEqualCounts) {
  this->run([](Communicator& comm) {
    const auto ranks = static_cast<std::size_t>(comm.size());
    const auto mine = sequence<float>(9, 100 * comm.rank());
    std::vector<float> all(9 * ranks);
    comm.all_gather(mine, all);
    for (std::size_t r = 0; r < ranks; ++r) {
      for (std::size_t i = 0; i < 9; ++i) EXPECT_EQ(all[9 * r + i], static_cast<float>(100 * r + i));
    }
  });
}

TYPED_TEST_P(CommunicatorContract, GathersDifferentCountsToEveryRoot) {
  this->run([](Communicator& comm) {
    for (int root = 0; root < comm.size(); ++root) {
      const auto mine = sequence<std::int32_t>(static_cast<std::size_t>(4 * comm.rank()), comm.rank());
      const auto gathered = comm.gather_variable(mine, root);
      if (comm.rank() != root) {
        EXPECT_TRUE(gathered.values.empty());
        EXPECT_TRUE(gathered.counts.empty());
        continue;
      }
      ASSERT_EQ(gathered.counts.size(), static_cast<std::size_t>(comm.size()));
      for (int r = 0; r < comm.size(); ++r) {
        const auto part = gathered.of(r);
        EXPECT_EQ(std::vector(part.begin(), part.end()), sequence<std::int32_t>(static_cast<std::size_t>(4 * r), r));
      }
    }
  });
}

TYPED_TEST_P(CommunicatorContract, AllGathersDifferentCounts) {
  this->run([](Communicator& comm) {
    const auto length = [&](int r) { return static_cast<std::size_t>(3 * (comm.size() - 1 - r)); };
    const auto gathered = comm.all_gather_variable(sequence<double>(length(comm.rank()), comm.rank()));
    ASSERT_EQ(gathered.counts.size(), static_cast<std::size_t>(comm.size()));
    for (int r = 0; r < comm.size(); ++r) {
      const auto part = gathered.of(r);
      EXPECT_EQ(std::vector(part.begin(), part.end()), sequence<double>(length(r), r));
    }
  });
}

TYPED_TEST_P(CommunicatorContract, ExchangesBlocksBetweenAllRanks) {
  this->run([](Communicator& comm) {
    const auto ranks = static_cast<std::size_t>(comm.size());
    std::vector<std::int32_t> from(5 * ranks);
    for (std::size_t i = 0; i < from.size(); ++i) from[i] = 1000 * comm.rank() + static_cast<std::int32_t>(i);
    std::vector<std::int32_t> to(5 * ranks, -1);
    comm.all_to_all(from, to);
    for (int source = 0; source < comm.size(); ++source) {
      for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(to[static_cast<std::size_t>(5 * source + i)], 1000 * source + 5 * comm.rank() + i);
      }
    }
  });
}

TYPED_TEST_P(CommunicatorContract, ExchangesWithTwoNeighboursAtOnce) {
  this->run([](Communicator& comm) {
    if (comm.size() == 1) return;
    // Rank r sends r values to the next rank; rank 0 sends nothing.
    const int next = (comm.rank() + 1) % comm.size();
    const int previous = (comm.rank() + comm.size() - 1) % comm.size();
    for (int round = 0; round < 3; ++round) {
      const auto mine = sequence<std::int32_t>(static_cast<std::size_t>(comm.rank()), 100 * round + comm.rank());
      std::vector<std::int32_t> received(static_cast<std::size_t>(previous), -1);
      comm.exchange(mine, next, received, previous);
      EXPECT_EQ(received, sequence<std::int32_t>(static_cast<std::size_t>(previous), 100 * round + previous));
    }
  });
}

template <class T>
void check_all_reduce(Communicator& comm) {
  const T rank = static_cast<T>(comm.rank());
  const T last = static_cast<T>(comm.size() - 1);
  constexpr std::size_t count = 100;
  std::vector<T> sum(count);
  std::iota(sum.begin(), sum.end(), rank);
  std::vector<T> low = sum;
  std::vector<T> high = sum;
  comm.all_reduce(sum, ReduceOp::sum);
  comm.all_reduce(low, ReduceOp::min);
  comm.all_reduce(high, ReduceOp::max);
  const T one_sum = comm.all_reduce(static_cast<T>(rank + 1), ReduceOp::sum);
  const T size = static_cast<T>(comm.size());
  const T rank_sum = static_cast<T>(size * last / 2);
  for (std::size_t i = 0; i < count; ++i) {
    const T shift = static_cast<T>(i);
    EXPECT_EQ(sum[i], static_cast<T>(size * shift + rank_sum));
    EXPECT_EQ(low[i], shift);
    EXPECT_EQ(high[i], static_cast<T>(shift + last));
  }
  EXPECT_EQ(one_sum, static_cast<T>(size + rank_sum));
}

TYPED_TEST_P(CommunicatorContract, ReducesEveryType) {
  this->run([](Communicator& comm) {
    check_all_reduce<std::int32_t>(comm);
    check_all_reduce<std::int64_t>(comm);
    check_all_reduce<std::uint64_t>(comm);
    check_all_reduce<float>(comm);
    check_all_reduce<double>(comm);
    const auto big = std::numeric_limits<std::uint64_t>::max() - 3;
    EXPECT_EQ(comm.all_reduce(comm.rank() == 0 ? big : std::uint64_t{5}, ReduceOp::max), big);
    EXPECT_EQ(comm.all_reduce(std::int64_t{-7} - comm.rank(), ReduceOp::min), -6 - comm.size());
  });
}

TYPED_TEST_P(CommunicatorContract, GivesTheSameBitsOfASumToEveryRank) {
  this->run([](Communicator& comm) {
    std::vector<float> values(333);
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = 1.0F / static_cast<float>(3 + 7 * comm.rank() + static_cast<int>(i));
    }
    comm.all_reduce(values, ReduceOp::sum);
    std::vector<float> all(values.size() * static_cast<std::size_t>(comm.size()));
    comm.all_gather(values, all);
    for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i], values[i % values.size()]);
  });
}

TYPED_TEST_P(CommunicatorContract, PassesMessagesRoundARingInOrder) {
  this->run([](Communicator& comm) {
    if (comm.size() == 1) return;
    const int next = (comm.rank() + 1) % comm.size();
    const int previous = (comm.rank() + comm.size() - 1) % comm.size();
    std::vector<std::int32_t> first(50);
    std::vector<std::int32_t> second(20);
    std::vector<std::int32_t> other_tag(1);
    const auto send = [&] {
      comm.send(sequence<std::int32_t>(50, comm.rank()), next, 1);
      comm.send(sequence<std::int32_t>(20, -comm.rank()), next, 1);
      comm.send(sequence<std::int32_t>(1, 9), next, 2);
    };
    const auto receive = [&] {
      comm.receive(first, previous, 1);
      comm.receive(second, previous, 1);
      comm.receive(other_tag, previous, 2);
    };
    if (comm.rank() == 0) {
      send();
      receive();
    } else {
      receive();
      send();
    }
    EXPECT_EQ(first, sequence<std::int32_t>(50, previous));
    EXPECT_EQ(second, sequence<std::int32_t>(20, -previous));
    EXPECT_EQ(other_tag[0], 9);
  });
}

TYPED_TEST_P(CommunicatorContract, SplitsByColorAndOrdersByKey) {
  this->run([](Communicator& comm) {
    const int color = comm.rank() % 2;
    const auto part = comm.split(color, -comm.rank());
    const auto members = part->all_gather_variable(std::array{comm.rank()}).values;
    const auto alone = comm.split(comm.rank(), 0);
    const auto again = part->split(0, part->rank());
    const int again_size = again->all_reduce(std::int32_t{1}, ReduceOp::sum);
    std::vector<int> expected;
    for (int r = comm.size() - 1; r >= 0; --r) {
      if (r % 2 == color) expected.push_back(r);
    }
    EXPECT_EQ(members, expected);
    EXPECT_EQ(members[static_cast<std::size_t>(part->rank())], comm.rank());
    EXPECT_EQ(alone->size(), 1);
    EXPECT_EQ(again_size, part->size());
    comm.barrier();
  });
}

TYPED_TEST_P(CommunicatorContract, CountsTheBytesThatOthersSent) {
  this->run([](Communicator& comm) {
    const auto others = static_cast<std::uint64_t>(comm.size() - 1);
    const auto ranks = static_cast<std::size_t>(comm.size());
    const auto part = comm.split(0, comm.rank());
    std::uint64_t before = comm.bytes_received();
    const auto received = [&] { return comm.bytes_received() - std::exchange(before, comm.bytes_received()); };

    std::vector<double> values(10);
    comm.broadcast(values, 0);
    EXPECT_EQ(received(), comm.rank() == 0 ? 0U : 80U);
    std::vector<double> all(10 * ranks);
    comm.gather(values, all, 0);
    EXPECT_EQ(received(), comm.rank() == 0 ? 80U * others : 0U);
    part->all_gather(values, all);
    EXPECT_EQ(received(), 80U * others);
    comm.all_reduce(values, ReduceOp::max);
    EXPECT_EQ(received(), comm.size() == 1 ? 0U : 80U);
    comm.barrier();
    EXPECT_EQ(received(), 0U);
  });
}

REGISTER_TYPED_TEST_SUITE_P(CommunicatorContract, KnowsItsRanks, BroadcastsFromEveryRoot, AcceptsEmptyBuffers,
                            GathersEqualCountsToEveryRoot, AllGathersEqualCounts, GathersDifferentCountsToEveryRoot,
                            AllGathersDifferentCounts, ExchangesBlocksBetweenAllRanks, ExchangesWithTwoNeighboursAtOnce,
                            ReducesEveryType, GivesTheSameBitsOfASumToEveryRank, PassesMessagesRoundARingInOrder,
                            SplitsByColorAndOrdersByKey, CountsTheBytesThatOthersSent);

}  // namespace westofn::testing
