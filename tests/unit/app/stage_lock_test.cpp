// SPDX-License-Identifier: Apache-2.0
#include "app/stage_lock.h"

#include <gtest/gtest.h>

#include "support/temporary_folder.h"
#include "util/error.h"

namespace westofn::app {
namespace {

class StageLockTest : public ::testing::Test {
 protected:
  StageLockTest() : run_((folder_.path() / "run").string()) { run_.make(); }

  [[nodiscard]] StageLock lock(const std::string& part) const {
    return {run_, "pools-00000000", part.empty() ? ShardPart() : ShardPart(part)};
  }

  testing::TemporaryFolder folder_;
  RunFolder run_;
};

TEST_F(StageLockTest, PartsWithoutACommonShardAreHeldSideBySide) {
  const StageLock first = lock("0:10");
  const StageLock second = lock("10:20");
  EXPECT_THROW(lock("19:21"), ConfigError);
  EXPECT_THROW(lock("0/4"), ConfigError) << "it may be any shard";
  EXPECT_NO_THROW(lock("20:"));
}

TEST_F(StageLockTest, TheWholeStageAndItsPartsExcludeOneAnother) {
  EXPECT_FALSE(is_stage_locked(run_, "pools-00000000"));
  {
    const StageLock part = lock("1/3");
    EXPECT_TRUE(is_stage_locked(run_, "pools-00000000"));
    EXPECT_THROW(lock(""), ConfigError);
    EXPECT_NO_THROW(lock("2/3"));
  }
  const StageLock whole = lock("");
  EXPECT_THROW(lock("1/3"), ConfigError);
  EXPECT_TRUE(is_stage_locked(run_, "pools-00000000"));
  EXPECT_FALSE(is_stage_locked(run_, "pools-11111111"));
}

}  // namespace
}  // namespace westofn::app
