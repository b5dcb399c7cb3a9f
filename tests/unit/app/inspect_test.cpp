// SPDX-License-Identifier: Apache-2.0
#include "app/inspect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "app/run_folder.h"
#include "app/status.h"
#include "io/durable_file.h"
#include "io/manifest.h"
#include "io/record_file.h"
#include "io/run_lock.h"
#include "support/temporary_folder.h"
#include "util/error.h"

namespace westofn::app {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

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
  EXPECT_EQ(leftovers[0].path, run_.stage("prepare-0123abcd"));
  remove_leftovers(leftovers);
  EXPECT_EQ(run_.stages(), std::vector<std::string>{"sft-0123abcd"});
}

TEST_F(Clean, RefusesWhileAJobIsAtWork) {
  const io::RunLock lock(run_.lock("prepare-0123abcd"));
  EXPECT_THROW((void)find_leftovers(run_), ConfigError);
  EXPECT_THAT(run_status(run_), HasSubstr("in work"));
}

}  // namespace
}  // namespace westofn::app
