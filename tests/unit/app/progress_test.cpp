// SPDX-License-Identifier: Apache-2.0
#include "app/progress.h"

#include <gtest/gtest.h>

#include "comm/single_communicator.h"
#include "support/temporary_folder.h"
#include "util/error.h"

namespace westofn::app {
namespace {

TEST(Heartbeat, ReadsBackWhatWasWritten) {
  const testing::TemporaryFolder folder;
  const Heartbeat written{
      "2026-01-31T23:59:59Z", "prepare-0123abcd", "running", 3, 10, "shards", 0.5, 14, "n1", 77, "42"};
  write_heartbeat(folder / "heartbeat.json", written);
  const Heartbeat read = read_heartbeat(folder / "heartbeat.json");
  EXPECT_EQ(read.stage, written.stage);
  EXPECT_EQ(read.done, 3);
  EXPECT_EQ(read.rate_per_s, 0.5);
  EXPECT_EQ(read.slurm_job, "42");
}

TEST(Heartbeat, RefusesADamagedFile) {
  const testing::TemporaryFolder folder;
  EXPECT_THROW((void)read_heartbeat(folder.write("a", "{}")), DataError);
  EXPECT_THROW((void)read_heartbeat(folder.write("b", "{")), DataError);
  EXPECT_THROW((void)read_heartbeat(folder / "none"), DataError);
}

TEST(Progress, KeepsTheHeartbeatFileUpToDate) {
  const testing::TemporaryFolder folder;
  comm::SingleCommunicator world;
  Progress progress(world, {"prepare-0123abcd", "shards", 4, folder / "heartbeat.json"});
  EXPECT_EQ(read_heartbeat(folder / "heartbeat.json").state, "running");
  progress.update(9);
  progress.finish("done");
  const Heartbeat last = read_heartbeat(folder / "heartbeat.json");
  EXPECT_EQ(last.state, "done");
  EXPECT_EQ(last.done, 4) << "never more than the total";
}

TEST(Progress, AFullDiskIsNoReasonToStop) {
  const testing::TemporaryFolder folder;
  write_heartbeat(folder / "no such folder/heartbeat.json", {});
}

}  // namespace
}  // namespace westofn::app
