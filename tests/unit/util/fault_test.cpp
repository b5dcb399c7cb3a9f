// SPDX-License-Identifier: Apache-2.0
#include "util/fault.h"

#include <gtest/gtest.h>

#include <csignal>

#include "util/error.h"

namespace westofn {
namespace {

// The variables are read once a process, so each case runs in a child of its own ("threadsafe" starts it anew).
class FaultPoint : public ::testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

[[noreturn]] void pass_twice_and_leave() {
  try {
    set_fault_rank(2);
    fault_point("io.write");
    std::fprintf(stderr, "first passed\n");
    fault_point("io.write");
    std::fprintf(stderr, "second passed\n");
  } catch (const Error& error) {
    std::fprintf(stderr, "caught %s\n", error.what());
    std::exit(static_cast<int>(error.code()));
  }
  std::exit(0);
}

TEST_F(FaultPoint, DoesNothingWithoutTheVariable) {
  EXPECT_EXIT(pass_twice_and_leave(), ::testing::ExitedWithCode(0), "second passed");
}

TEST_F(FaultPoint, ThrowsAtTheCountOfItsRank) {
  setenv("WESTOFN_FAULT", "io.write:2:2", 1);
  EXPECT_EXIT(pass_twice_and_leave(), ::testing::ExitedWithCode(70), "first passed\ncaught injected at io.write");
  setenv("WESTOFN_FAULT", "io.write:1:2", 1);
  EXPECT_EXIT(pass_twice_and_leave(), ::testing::ExitedWithCode(0), "second passed");
  unsetenv("WESTOFN_FAULT");
}

TEST_F(FaultPoint, CanFailLikeADisk) {
  setenv("WESTOFN_FAULT", "io.write:2:1:ENOSPC", 1);
  EXPECT_EXIT(pass_twice_and_leave(), ::testing::ExitedWithCode(4), "No space left");
  unsetenv("WESTOFN_FAULT");
}

TEST_F(FaultPoint, CanKillTheProcess) {
  setenv("WESTOFN_FAULT", "io.write:2:2:kill", 1);
  EXPECT_EXIT(pass_twice_and_leave(), ::testing::KilledBySignal(SIGKILL), "first passed");
  unsetenv("WESTOFN_FAULT");
}

TEST_F(FaultPoint, RefusesAVariableThatItCannotRead) {
  setenv("WESTOFN_FAULT", "io.write", 1);
  EXPECT_EXIT(pass_twice_and_leave(), ::testing::ExitedWithCode(2), "expected point:rank:count");
  unsetenv("WESTOFN_FAULT");
}

}  // namespace
}  // namespace westofn
