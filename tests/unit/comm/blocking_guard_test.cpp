// SPDX-License-Identifier: Apache-2.0
#include "comm/blocking_guard.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace westofn::comm {
namespace {

TEST(BlockingGuardDeathTest, EndsAProcessThatDoesNotComeBack) {
  const auto blocked = [] {
    const BlockingGuard guard(0.5, "MPI_Finalize");
    while (true) pause();
  };
  EXPECT_EXIT(blocked(), ::testing::ExitedWithCode(5), "MPI_Finalize did not return before the deadline");
}

TEST(BlockingGuard, LeavesNoAlarmBehind) {
  { const BlockingGuard guard(100, "a call"); }
  EXPECT_EQ(alarm(0), 0U);
}

}  // namespace
}  // namespace westofn::comm
