// SPDX-License-Identifier: Apache-2.0
#include "app/stage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <set>

#include "comm/thread_communicator.h"
#include "io/durable_file.h"
#include "io/hdf5.h"
#include "support/temporary_folder.h"
#include "util/error.h"

namespace westofn::app {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

const StageSpec spec{"prepare", 1, "seed: 1\nrows: 5\n", {{"a.jsonl", "00"}}};

class Stage : public ::testing::Test {
 protected:
  Stage() : run_(folder_ / "run") { run_.make(); }

  /// Runs a stage of `shards` files on some ranks; returns how often a shard was made.
  int run(
      int ranks, int shards, const std::function<void(std::size_t)>& before_shard = [](std::size_t) {}) {
    std::atomic<int> made = 0;
    comm::run_threads(ranks, [&](comm::Communicator& world) {
      const auto node = world.split(0, world.rank());
      const CommonOptions options;
      const StopControl stop(std::nullopt);
      JobContext job{world, *node, options, stop};
      run_stage(job, run_, spec, [&](StageRun& stage) {
        std::vector<Shard> list;
        for (int i = 0; i < shards; ++i) list.push_back({{std::to_string(i) + ending_}, 1.0 + i % 3});
        const auto owners = stage.deal(list);
        stage.make_shards(owners, [&](std::size_t i) {
          before_shard(i);
          write_shard(stage.folder() + "/" + list[i].files[0], static_cast<std::int64_t>(i));
          ++made;
        });
        StageOutput output{{}, {{"rows", shards}}};
        for (const auto& shard : list) output.files.push_back(shard.files[0]);
        return output;
      });
    });
    return made;
  }

  void write_shard(const std::string& path, std::int64_t number) const {
    if (ending_ == ".txt") {
      io::write_durable(path, std::to_string(number));
      return;
    }
    io::Hdf5Writer writer;
    writer.dataset("/x", std::vector<std::int64_t>{number}, {"number", "1"});
    writer.publish(path);
  }

  testing::TemporaryFolder folder_;
  RunFolder run_;
  std::string ending_ = ".txt";  ///< HDF5 serves one thread only, so ranks that are threads write text
};

TEST_F(Stage, IsMadeOnceAndThenFoundComplete) {
  EXPECT_EQ(plan_stage(run_, spec).state, StageState::absent);
  EXPECT_EQ(run(2, 5), 5);
  EXPECT_EQ(plan_stage(run_, spec).state, StageState::complete);
  EXPECT_EQ(run(3, 5), 0) << "nothing is made twice";
}

TEST_F(Stage, ManifestIsTheSameForAnyNumberOfRanks) {
  std::vector<std::string> manifests;
  for (const int ranks : {1, 2, 4}) {
    fs::remove_all(run_.stage(spec.folder_name()));
    run(ranks, 7);
    manifests.push_back(testing::read_all(run_.stage(spec.folder_name()) + "/manifest.json"));
  }
  EXPECT_EQ(manifests[0], manifests[1]);
  EXPECT_EQ(manifests[0], manifests[2]);
}

TEST_F(Stage, GoesOnWhereAFailedJobEnded) {
  EXPECT_THROW(run(2, 6,
                   [](std::size_t i) {
                     if (i == 4) throw IoError("disk full");
                   }),
               Error);
  EXPECT_EQ(plan_stage(run_, spec).state, StageState::partial);
  const int rest = run(2, 6);
  EXPECT_GE(rest, 1);
  EXPECT_LT(rest, 6) << "finished shards are kept";
}

TEST_F(Stage, MakesADamagedShardOfAFailedJobAgain) {
  ending_ = ".h5";
  EXPECT_THROW(run(1, 3,
                   [](std::size_t i) {
                     if (i == 2) throw IoError("disk full");
                   }),
               Error);
  const std::string shard = run_.stage(spec.folder_name()) + "/0.h5";
  std::string bytes = testing::read_all(shard);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  std::ofstream(shard, std::ios::binary) << bytes;
  run(1, 3);
  EXPECT_NE(testing::read_all(shard), bytes);
  EXPECT_EQ(io::Hdf5Reader(shard).read<std::int64_t>("/x"), std::vector<std::int64_t>{0});
}

TEST_F(Stage, StopsInTimeAndSaysSo) {
  EXPECT_THROW(run(1, 4,
                   [](std::size_t i) {
                     if (i == 1) std::raise(SIGUSR1);
                   }),
               StopRequested);
  EXPECT_EQ(plan_stage(run_, spec).state, StageState::partial);
  const fs::directory_iterator finished(run_.stage(spec.folder_name()));
  const auto count = std::distance(begin(finished), end(finished));
  EXPECT_GT(count, 0);
  EXPECT_EQ(run(2, 4), 4 - count) << "what was finished before the signal is not made again";
}

TEST_F(Stage, RefusesAStageThatAnotherJobHolds) {
  const io::RunLock lock(run_.lock(spec.folder_name()));
  EXPECT_THROW(run(2, 2), Error);
}

TEST_F(Stage, PlanSaysWhatIsDifferent) {
  run(1, 1);
  StageSpec other = spec;
  other.settings = "seed: 1\nrows: 6\n";
  EXPECT_THAT(plan_stage(run_, other).why, HasSubstr("rows: 6"));
  other = spec;
  other.inputs[0].key = "01";
  EXPECT_THAT(plan_stage(run_, other).why, HasSubstr("input"));
}

TEST(StageSpec, KeyDependsOnEverythingThatItNames) {
  std::vector<StageSpec> specs(6, spec);
  specs[1].name = "sft";
  specs[2].format_version = 2;
  specs[3].settings += " ";
  specs[4].inputs[0].key = "1";
  specs[5].inputs.clear();
  std::set<std::string> keys;
  for (const auto& s : specs) keys.insert(s.key());
  EXPECT_EQ(keys.size(), specs.size());
  EXPECT_TRUE(is_stage_name(spec.folder_name()));
}

TEST(DealShards, GivesEveryShardToOneRankAndBalancesTheCost) {
  std::vector<double> costs(40);
  std::iota(costs.begin(), costs.end(), 1.0);
  for (const int ranks : {1, 2, 3, 7}) {
    const auto owners = deal_shards(costs, ranks);
    std::vector<double> load(static_cast<std::size_t>(ranks), 0.0);
    for (std::size_t i = 0; i < costs.size(); ++i) load.at(static_cast<std::size_t>(owners[i])) += costs[i];
    const double mean = 820.0 / ranks;
    // Longest-first is within 4/3 of the best (Graham 1969); with so many shards it is far nearer.
    for (const double l : load) EXPECT_NEAR(l, mean, 0.1 * mean);
  }
  EXPECT_TRUE(deal_shards({}, 2).empty());
}

TEST(StageName, IsANameAndEightDigits) {
  EXPECT_TRUE(is_stage_name("reward-west_of_n-0123abcd"));
  for (const auto* name : {"log", "prepare-0123abc", "prepare-0123abcg", "-0123abcd", "prepare-0123ABCD", ""}) {
    EXPECT_FALSE(is_stage_name(name)) << name;
  }
}

TEST(ShortNames, AreWithoutFoldersAndUnique) {
  const std::vector<std::string> paths = {"x/a.jsonl", "y/a.jsonl", "b.jsonl"};
  EXPECT_EQ(short_names(paths), (std::vector<std::string>{"a.jsonl", "a.jsonl#2", "b.jsonl"}));
}

}  // namespace
}  // namespace westofn::app
