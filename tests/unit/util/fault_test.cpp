// SPDX-License-Identifier: Apache-2.0
#include "util/fault.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <span>

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

[[noreturn]] void show_memory_and_leave() {
  try {
    double number = 1;
    float numbers[2] = {1, 2};
    fault_point("train.loss", std::as_writable_bytes(std::span(&number, 1)));
    fault_point("train.weights", std::as_writable_bytes(std::span(numbers)));
    std::fprintf(stderr, "loss %g weights %.8g %g\n", number, numbers[0], numbers[1]);
  } catch (const Error& error) {
    std::fprintf(stderr, "caught %s\n", error.what());
    std::exit(static_cast<int>(error.code()));
  }
  std::exit(0);
}

TEST_F(FaultPoint, CanDamageTheMemoryThatItIsShown) {
  EXPECT_EXIT(show_memory_and_leave(), ::testing::ExitedWithCode(0), "loss 1 weights 1 2");
  setenv("WESTOFN_FAULT", "train.weights:0:1:flip,train.loss:0:1:nan", 1);
  EXPECT_EXIT(show_memory_and_leave(), ::testing::ExitedWithCode(0), "loss -?nan weights 1.0000001 2");
  setenv("WESTOFN_FAULT", "io.write:2:1:flip", 1);
  EXPECT_EXIT(pass_twice_and_leave(), ::testing::ExitedWithCode(70), "shows memory");
  unsetenv("WESTOFN_FAULT");
}

TEST_F(FaultPoint, TakesSeveralFaults) {
  setenv("WESTOFN_FAULT", "io.read:2:1:kill,io.write:2:2:EIO,io.write:2:3", 1);
  EXPECT_EXIT(pass_twice_and_leave(), ::testing::ExitedWithCode(4), "first passed\ncaught injected at io.write");
  unsetenv("WESTOFN_FAULT");
}

TEST_F(FaultPoint, RefusesAVariableThatItCannotRead) {
  setenv("WESTOFN_FAULT", "io.write", 1);
  EXPECT_EXIT(pass_twice_and_leave(), ::testing::ExitedWithCode(2), "expected point:rank:count");
  unsetenv("WESTOFN_FAULT");
}

}  // namespace
}  // namespace westofn
