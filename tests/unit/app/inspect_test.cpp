// SPDX-License-Identifier: Apache-2.0
#include "app/inspect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "app/progress.h"
#include "app/run_folder.h"
#include "app/status.h"
#include "io/durable_file.h"
#include "io/manifest.h"
#include "io/record_file.h"
#include "io/run_lock.h"
#include "support/temporary_folder.h"
#include "util/clock.h"
#include "util/error.h"

namespace westofn::app {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Inspect : public ::testing::Test {
 protected:
  testing::TemporaryFolder folder_;
};

TEST_F(Inspect, DescribesEveryKindOfFile) {
  io::write_prompts(folder_ / "p.h5", std::vector<Prompt>(3));
  EXPECT_THAT(inspect(folder_ / "p.h5"), AllOf(HasSubstr("westofn/prompts"), HasSubstr("[3]")));
  EXPECT_THAT(inspect(folder_.write("a.jsonl", "{\"prompt\": 1}\n{\"id\": 2}\n")),
              AllOf(HasSubstr("2 rows"), HasSubstr("prompt"), HasSubstr("first row")));
  EXPECT_THAT(inspect(folder_.write("a.json", "{\"x\": [1]}")), HasSubstr("\"x\""));
  const std::string header = R"({"w":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}})";
  std::string bytes(8, '\0');
  bytes[0] = static_cast<char>(header.size());
  EXPECT_THAT(inspect(folder_.write("m.safetensors", bytes + header + std::string(8, '\0'))),
              AllOf(HasSubstr("[2, 1]"), HasSubstr("2 numbers")));
}

TEST_F(Inspect, SaysWhetherAStageIsWhole) {
  const RunFolder run(folder_ / "run");
  run.make();
  const std::string stage = run.stage("prepare-0123abcd");
  io::make_folder_durable(stage);
  EXPECT_THAT(inspect(stage + "/"), HasSubstr("not complete"));
  const io::FileInfo file = io::write_durable(stage + "/a.txt", "text");
  io::write_manifest(stage, {"prepare", "key", "0", {file}, {}, "seed: 1\n", {{"rows", 4}}});
  EXPECT_THAT(inspect(stage), AllOf(HasSubstr("complete"), HasSubstr("rows"), HasSubstr("seed: 1")));
  std::ofstream(stage + "/a.txt") << "tex_";
  EXPECT_THROW((void)inspect(stage), DataError);
}

TEST_F(Inspect, RefusesWhatItDoesNotKnow) {
  EXPECT_THROW((void)inspect(folder_ / "none"), DataError);
  EXPECT_THROW((void)inspect(folder_.path().string()), DataError);
  EXPECT_THROW((void)inspect(folder_.write("a.txt", "")), DataError);
  EXPECT_THROW((void)inspect(folder_.write("a.h5", "not HDF5")), DataError);
}

class Clean : public Inspect {
 protected:
  Clean() : run_(folder_ / "run") {
    run_.make();
    io::write_durable(run_.experiment(), "name: small\n");
    io::make_folder_durable(run_.stage("prepare-0123abcd"));
    io::make_folder_durable(run_.stage("sft-0123abcd"));
    io::write_manifest(run_.stage("sft-0123abcd"), {"sft", "key", "0", {}, {}, "", {}});
  }
  RunFolder run_;
};

TEST_F(Clean, RemovesOnlyWhatNeverFinished) {
  const auto leftovers = find_leftovers(run_);
  ASSERT_EQ(leftovers.size(), 1U);
  EXPECT_EQ(leftovers[0].name, "prepare-0123abcd");
  EXPECT_EQ(leftovers[0].path, run_.stage("prepare-0123abcd"));
  EXPECT_FALSE(leftovers[0].in_work);
  EXPECT_EQ(remove_leftover(run_, "prepare-0123abcd"), Removal::removed);
  EXPECT_EQ(run_.stages(), std::vector<std::string>{"sft-0123abcd"});
  EXPECT_TRUE(std::filesystem::is_empty(run_.log_folder())) << "the lock is given back";
}

TEST_F(Clean, LeavesAloneWhatAJobWorksOnAndGoesOnWithTheOthers) {
  io::make_folder_durable(run_.stage("prepare-89abcdef"));
  const io::RunLock lock(run_.lock("prepare-0123abcd"));
  const auto leftovers = find_leftovers(run_);
  ASSERT_EQ(leftovers.size(), 2U);
  EXPECT_TRUE(leftovers[0].in_work);
  EXPECT_FALSE(leftovers[1].in_work);
  EXPECT_EQ(remove_leftover(run_, leftovers[0].name), Removal::in_work);
  EXPECT_EQ(remove_leftover(run_, leftovers[1].name), Removal::removed);
  EXPECT_THAT(run_.stages(), ::testing::ElementsAre("prepare-0123abcd", "sft-0123abcd"));
  EXPECT_TRUE(io::file_status(run_.lock("prepare-0123abcd"))) << "the lock of the job is untouched";
}

TEST_F(Clean, KeepsAStageThatWasFinishedAfterTheLook) {
  const auto leftovers = find_leftovers(run_);
  ASSERT_EQ(leftovers.size(), 1U);
  io::write_manifest(leftovers[0].path, {"prepare", "key", "0", {}, {}, "", {}});
  EXPECT_EQ(remove_leftover(run_, leftovers[0].name), Removal::finished);
  EXPECT_EQ(run_.stages().size(), 2U);
}

TEST_F(Clean, RemovesAStageWhoseLogFolderIsGone) {
  std::filesystem::remove_all(run_.log_folder());
  EXPECT_EQ(remove_leftover(run_, "prepare-0123abcd"), Removal::removed);
}

class Status : public Clean {
 protected:
  void beat(const std::string& stage, const std::string& state) const {
    Heartbeat heartbeat;
    heartbeat.stage = stage;
    heartbeat.state = state;
    heartbeat.unix_s = unix_seconds() - 7205;
    write_heartbeat(run_.heartbeat(), heartbeat);
  }
};

TEST_F(Status, SaysHowOldTheHeartbeatIs) {
  EXPECT_THAT(run_status(run_), HasSubstr("no job has worked here yet"));
  beat("sft-0123abcd", "done");
  EXPECT_THAT(run_status(run_), AllOf(HasSubstr("last heartbeat 2 h 00 min ago"), HasSubstr("done, sft-0123abcd")));
}

TEST_F(Status, SeesThatTheJobIsGone) {
  const std::string gone = "ended without finishing";
  beat("prepare-0123abcd", "running");
  {
    const io::RunLock lock(run_.lock("prepare-0123abcd"));
    EXPECT_THAT(run_status(run_), AllOf(HasSubstr("prepare-0123abcd  in work"), Not(HasSubstr(gone))));
  }
  EXPECT_THAT(run_status(run_), AllOf(HasSubstr("prepare-0123abcd  not finished"), HasSubstr(gone)));
  beat("prepare-0123abcd", "stopped");
  EXPECT_THAT(run_status(run_), Not(HasSubstr(gone)));
  beat("../run/prepare-0123abcd", "running");
  EXPECT_THAT(run_status(run_), HasSubstr(gone)) << "a name that is no stage of this run names no lock";
}

TEST_F(Status, SeesThatTheOwnerOfALockIsDead) {
  beat("prepare-0123abcd", "running");
  const pid_t child = fork();
  if (child == 0) {
    auto* lock = new io::RunLock(run_.lock("prepare-0123abcd"));  // never released
    _exit(lock == nullptr ? 1 : 0);
  }
  int how = -1;
  ASSERT_EQ(waitpid(child, &how, 0), child);
  ASSERT_EQ(how, 0);
  ASSERT_TRUE(io::file_status(run_.lock("prepare-0123abcd")));
  EXPECT_THAT(run_status(run_), AllOf(HasSubstr("prepare-0123abcd  not finished"), HasSubstr("without finishing")));
}

TEST_F(Status, TakesAnUnreadableHeartbeatForNone) {
  std::ofstream(run_.heartbeat()) << "{\"time\"";
  EXPECT_THAT(run_status(run_), AllOf(HasSubstr("sft-0123abcd  complete"), HasSubstr("no heartbeat: ")));
}

}  // namespace
}  // namespace westofn::app
