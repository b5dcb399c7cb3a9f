// SPDX-License-Identifier: Apache-2.0
#include "app/stop.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <string>

#include "util/clock.h"

namespace westofn::app {
namespace {

TEST(StopControl, ASignalStopsNewWork) {
  for (const int signal : {SIGTERM, SIGUSR1}) {
    const StopControl stop(std::nullopt);
    EXPECT_TRUE(stop.may_start(1e6)) << "without a limit and without a signal all work may start";
    std::raise(signal);
    EXPECT_TRUE(stop.signalled());
    EXPECT_FALSE(stop.may_start(0));
  }
}

TEST(StopControl, TheSecondSignalEndsTheProcess) {
  EXPECT_EXIT(
      {
        const StopControl stop(std::nullopt);
        std::raise(SIGTERM);
        std::raise(SIGTERM);
      },
      ::testing::KilledBySignal(SIGTERM), "");
}

TEST(StopControl, ALateSignalDoesNotEndAProcessThatIsDone) {
  EXPECT_EXIT(
      {
        { const StopControl stop(std::nullopt); }
        std::raise(SIGUSR1);
        std::raise(SIGTERM);
        std::exit(0);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST(StopControl, WorkNeedsTwiceItsTimeBeforeTheLimit) {
  const StopControl stop(1.0);
  ASSERT_TRUE(stop.remaining_s().has_value());
  EXPECT_NEAR(*stop.remaining_s(), 3600, 10);
  EXPECT_TRUE(stop.may_start(1700));
  EXPECT_FALSE(stop.may_start(1900));
}

TEST(StopControl, KnowsTheEndOfTheSlurmJob) {
  setenv("SLURM_JOB_END_TIME", std::to_string(static_cast<long>(unix_seconds()) + 100).c_str(), 1);
  const StopControl stop(std::nullopt);
  EXPECT_NEAR(stop.remaining_s().value_or(0), 100, 10);
  setenv("SLURM_JOB_END_TIME", "soon", 1);
  EXPECT_FALSE(StopControl(std::nullopt).remaining_s().has_value());
  unsetenv("SLURM_JOB_END_TIME");
}

}  // namespace
}  // namespace westofn::app
