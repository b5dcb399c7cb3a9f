// SPDX-License-Identifier: Apache-2.0
// What agree() and the typed helpers promise over every Communicator; back ends as in communicator_contract.h.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/serialization/map.hpp>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "comm/agree.h"
#include "comm/typed.h"
#include "util/clock.h"

namespace westofn::testing {

using comm::Communicator;

template <class Backend>
class AgreeContract : public ::testing::Test {
 protected:
  static void run(const std::function<void(Communicator&)>& f) { Backend::run(f); }
};
TYPED_TEST_SUITE_P(AgreeContract);

/// Code and text of what `f` throws; code done if it throws nothing.
template <class F>
comm::Failure caught(const F& f) {
  try {
    f();
  } catch (...) {
    return comm::failure_of(std::current_exception());
  }
  return {ExitCode::done, ""};
}

TYPED_TEST_P(AgreeContract, ReturnsTheResultIfNobodyFails) {
  this->run([](Communicator& comm) {
    int calls = 0;
    comm::agree(comm, [&] { ++calls; });
    const auto owner = comm::agree(comm, [&] { return std::make_unique<int>(comm.rank()); });
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(*owner, comm.rank());
  });
}

TYPED_TEST_P(AgreeContract, TellsEveryRankOfTheOneThatFailed) {
  this->run([](Communicator& comm) {
    for (int bad = 0; bad < comm.size(); ++bad) {
      const auto work = [&] {
        comm::agree(comm, [&] {
          if (comm.rank() == bad) throw DataError("file.jsonl:7: broken");
        });
      };
      if (comm.rank() == bad) {
        EXPECT_THROW(work(), DataError);
        continue;
      }
      bool peer = false;
      const auto failure = caught([&] {
        try {
          work();
        } catch (const PeerError&) {
          peer = true;
          throw;
        }
      });
      EXPECT_TRUE(peer);
      EXPECT_EQ(failure.code, ExitCode::data);
      EXPECT_EQ(failure.message, "rank " + std::to_string(bad) + " on host " + host_name() + ": file.jsonl:7: broken");
    }
    comm.barrier();
  });
}

TYPED_TEST_P(AgreeContract, ReportsTheLowestRankIfSeveralFail) {
  this->run([](Communicator& comm) {
    const int lowest = comm.size() - 1 - (comm.size() - 1) / 2;
    const auto failure = caught([&] {
      comm::agree(comm, [&]() -> int {
        if (comm.rank() == lowest) throw IoError("disk full");
        if (comm.rank() > lowest) throw DataError("something else");
        return 1;
      });
    });
    EXPECT_EQ(failure.code, ExitCode::storage);
    EXPECT_THAT(failure.message, ::testing::EndsWith("disk full"));
    EXPECT_EQ(failure.message == "disk full", comm.rank() == lowest);
  });
}

TYPED_TEST_P(AgreeContract, KeepsForeignExceptionsAsInternalErrors) {
  this->run([](Communicator& comm) {
    const int bad = comm.size() - 1;
    const auto attempt = [&](const std::function<void()>& fail) {
      return caught([&] {
        comm::agree(comm, [&] {
          if (comm.rank() == bad) fail();
        });
      });
    };
    const auto memory = attempt([] { throw std::bad_alloc(); });
    const auto standard = attempt([] { throw std::out_of_range("index 9"); });
    const auto other = attempt([] { throw 42; });
    EXPECT_EQ(memory.code, ExitCode::internal);
    EXPECT_THAT(memory.message, ::testing::HasSubstr("out of memory"));
    EXPECT_EQ(standard.code, ExitCode::internal);
    EXPECT_THAT(standard.message, ::testing::HasSubstr("index 9"));
    EXPECT_EQ(other.code, ExitCode::internal);
    EXPECT_THAT(other.message, ::testing::HasSubstr("unknown type"));
  });
}

TYPED_TEST_P(AgreeContract, AnyIsTrueIfOneRankSaysSo) {
  this->run([](Communicator& comm) {
    EXPECT_TRUE(comm::any(comm, comm.rank() == comm.size() - 1));
    EXPECT_FALSE(comm::any(comm, false));
  });
}

TYPED_TEST_P(AgreeContract, MovesStringsAndObjects) {
  this->run([](Communicator& comm) {
    const int root = comm.size() - 1;
    const std::string mine(static_cast<std::size_t>(comm.rank()), 'x');  // rank 0 has nothing to say
    const auto text = comm::broadcast_string(comm, comm.rank() == root ? std::string("a\0b", 3) : "unused", root);
    const auto gathered = comm::gather_strings(comm, mine, root);
    const auto all = comm::all_gather_strings(comm, mine);
    using Table = std::map<std::string, std::vector<double>>;
    const auto table = comm::broadcast_object(comm, comm.rank() == 0 ? Table{{"k", {1.5, 2}}} : Table{}, 0);
    const auto numbers = comm::gather_objects(comm, std::vector<int>{comm.rank(), 7}, root);

    EXPECT_EQ(text, std::string("a\0b", 3));
    ASSERT_EQ(all.size(), static_cast<std::size_t>(comm.size()));
    for (std::size_t r = 0; r < all.size(); ++r) EXPECT_EQ(all[r], std::string(r, 'x'));
    EXPECT_EQ(gathered, comm.rank() == root ? all : std::vector<std::string>{});
    EXPECT_EQ(table, (Table{{"k", {1.5, 2}}}));
    EXPECT_EQ(numbers.size(), comm.rank() == root ? static_cast<std::size_t>(comm.size()) : 0U);
    for (std::size_t r = 0; r < numbers.size(); ++r) EXPECT_EQ(numbers[r], (std::vector<int>{static_cast<int>(r), 7}));
  });
}

REGISTER_TYPED_TEST_SUITE_P(AgreeContract, ReturnsTheResultIfNobodyFails, TellsEveryRankOfTheOneThatFailed,
                            ReportsTheLowestRankIfSeveralFail, KeepsForeignExceptionsAsInternalErrors,
                            AnyIsTrueIfOneRankSaysSo, MovesStringsAndObjects);

}  // namespace westofn::testing
