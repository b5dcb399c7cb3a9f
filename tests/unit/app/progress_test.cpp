// SPDX-License-Identifier: Apache-2.0
#include "app/progress.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "comm/single_communicator.h"
#include "support/temporary_folder.h"
#include "util/error.h"

namespace westofn::app {
namespace {

TEST(Heartbeat, ReadsBackWhatWasWritten) {
  const testing::TemporaryFolder folder;
  const Heartbeat written{
      "2026-01-31T23:59:59Z", 1.5e9, "prepare-0123abcd", "running", 3, 10, "shards", 0.5, 14, "n1", 77, "42"};
  write_heartbeat(folder / "heartbeat.json", written);
  const Heartbeat read = read_heartbeat(folder / "heartbeat.json");
  EXPECT_EQ(read.unix_s, 1.5e9);
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

TEST(Progress, CountsWithoutATotal) {
  const testing::TemporaryFolder folder;
  comm::SingleCommunicator world;
  Progress progress(world, {"prepare-0123abcd", "rows", 0, folder / "heartbeat.json"});
  progress.update(120000);
  progress.finish("done");
  EXPECT_EQ(read_heartbeat(folder / "heartbeat.json").done, 120000);
}

TEST(Progress, SaysOnlyWhatIsKnown) {
  Heartbeat h;
  h.stage = "prepare-0123abcd";
  h.unit = "rows";
  h.done = 120000;
  h.rate_per_s = 5000;
  EXPECT_EQ(to_text(h), "prepare-0123abcd 120000 rows, 5000.0/s");
  h.total = 240000;
  h.eta_s = 24;
  EXPECT_EQ(to_text(h), "prepare-0123abcd 120000/240000 rows (50 %), 5000.0/s, 24.0 s left");
  h.done = 0;
  h.rate_per_s = 0;
  EXPECT_EQ(to_text(h), "prepare-0123abcd 0/240000 rows (0 %), 0.0/s");
}

TEST(Heartbeat, AFullDiskIsNoReasonToStop) {
  const testing::TemporaryFolder folder;
  write_heartbeat(folder / "no such folder/heartbeat.json", {});
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(Heartbeat, AFullDiskLeavesTheOldOne) {
  const testing::TemporaryFolder folder;
  Heartbeat heartbeat;
  heartbeat.done = 1;
  write_heartbeat(folder / "heartbeat.json", heartbeat);
  std::filesystem::create_symlink("/dev/full", folder / "heartbeat.json.new");
  heartbeat.done = 2;
  write_heartbeat(folder / "heartbeat.json", heartbeat);
  EXPECT_EQ(read_heartbeat(folder / "heartbeat.json").done, 1);
  write_heartbeat(folder / "heartbeat.json", heartbeat);
  EXPECT_EQ(read_heartbeat(folder / "heartbeat.json").done, 2) << "there is space again";
}

}  // namespace
}  // namespace westofn::app
