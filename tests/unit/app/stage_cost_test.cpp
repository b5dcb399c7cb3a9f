// SPDX-License-Identifier: Apache-2.0
#include "app/stage_cost.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <thread>
#include <vector>

#include "app/stage.h"
#include "comm/thread_communicator.h"
#include "io/durable_file.h"
#include "support/temporary_folder.h"
#include "util/error.h"

namespace westofn::app {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;

const StageSpec spec{"pools", 1, "seed: 1\n", {}};

class StageCosts : public ::testing::Test {
 protected:
  StageCosts() : run_(folder_ / "run") { run_.make(); }

  /// A stage of four shards, each of which is 100 tokens and 5 samples.
  void run_stage_on(int ranks, const std::function<void()>& before_shard, const ShardPart& part = {}) {
    comm::run_threads(ranks, [&](comm::Communicator& world) {
      const auto node = world.split(world.rank() / 2, world.rank());  // two ranks a node
      const CommonOptions options;
      const StopControl stop(std::nullopt);
      JobContext job{world, *node, options, stop, {.threads = 3, .gpus = 1}};
      const auto body = [&](StageRun& stage) {
        std::vector<Shard> shards;
        for (int i = 0; i < 4; ++i) shards.push_back({{std::to_string(i) + ".txt"}, 1});
        stage.make_shards(stage.deal(shards), [&](std::size_t i) {
          before_shard();
          io::write_durable(stage.folder() + "/" + shards[i].files[0], "x");
          stage.count_work({100, 5});
        });
        stage.need_all_shards();
        StageOutput output;
        for (const auto& shard : shards) output.files.push_back(shard.files[0]);
        return output;
      };
      if (part.is_all()) {
        run_stage(job, run_, spec, body);
      } else {
        static_cast<void>(run_stage_part(job, run_, spec, part, body));
      }
    });
  }

  testing::TemporaryFolder folder_;
  RunFolder run_;
};

TEST_F(StageCosts, NotesWhatACompleteStageUsedAndDid) {
  setenv("SLURM_JOB_ID", "77", 1);
  setenv("SLURM_RESTART_COUNT", "2", 1);
  run_stage_on(4, [] {});
  run_stage_on(4, [] {});  // is there already
  unsetenv("SLURM_JOB_ID");
  unsetenv("SLURM_RESTART_COUNT");
  const auto costs = read_costs(run_);
  ASSERT_EQ(costs.size(), 1U) << "a stage that is there costs nothing";
  EXPECT_EQ(costs[0].stage, spec.folder_name());
  EXPECT_EQ(costs[0].part, "");
  EXPECT_EQ(costs[0].outcome, StageOutcome::complete);
  EXPECT_GT(costs[0].seconds, 0);
  EXPECT_EQ(costs[0].ranks, 4);
  EXPECT_EQ(costs[0].nodes, 2);
  EXPECT_EQ(costs[0].gpus, 4);
  EXPECT_EQ(costs[0].cpus, 12);
  EXPECT_EQ(costs[0].work.tokens, 400);
  EXPECT_EQ(costs[0].work.samples, 20);
  EXPECT_EQ(costs[0].job, "77");
  EXPECT_EQ(costs[0].restart, 2);
  EXPECT_EQ(costs[0].time.size(), std::string("2026-01-31T23:59:59Z").size());
}

TEST_F(StageCosts, NotesPartsStopsAndFailures) {
  run_stage_on(
      2, [] {}, ShardPart("0/2"));
  EXPECT_THROW(run_stage_on(
                   1, [] { std::raise(SIGUSR1); }, ShardPart("2:")),
               StopRequested);
  EXPECT_THROW(run_stage_on(
                   1, [] { throw IoError("disk full"); }, ShardPart("3:")),
               IoError);
  const auto costs = read_costs(run_);
  ASSERT_EQ(costs.size(), 3U);
  EXPECT_EQ(costs[0].outcome, StageOutcome::part);
  EXPECT_EQ(costs[0].part, "0/2");
  EXPECT_EQ(costs[0].work.samples, 10);
  EXPECT_EQ(costs[1].outcome, StageOutcome::stopped);
  EXPECT_EQ(costs[1].work.samples, 5) << "what was finished before the signal";
  EXPECT_EQ(costs[2].outcome, StageOutcome::failed);
}

TEST_F(StageCosts, AreReadBackInOrderWithoutBrokenLines) {
  StageCost cost;
  cost.attempt = "node1 11 1.5";
  cost.stage = "sft-00000000";
  EXPECT_TRUE(append_cost(run_, cost));
  std::ofstream(run_.costs(), std::ios::app) << R"({"stage":"pools-00)";  // a job was killed here
  cost.attempt = "node1 12 2.5";
  cost.stage = "pools-00000000";
  EXPECT_TRUE(append_cost(run_, cost));
  std::ofstream(run_.costs(), std::ios::app) << R"({"stage":"matches-0000)";
  EXPECT_THAT(read_costs(run_),
              ElementsAre(Field(&StageCost::stage, "sft-00000000"), Field(&StageCost::stage, "pools-00000000")));
  EXPECT_TRUE(read_costs(RunFolder(folder_ / "none")).empty());
}

TEST_F(StageCosts, OfManyJobsAtTheSameTimeAreAllKept) {
  constexpr int jobs = 8;
  constexpr int lines = 50;
  {
    std::vector<std::jthread> threads;
    for (int job = 0; job < jobs; ++job) {
      threads.emplace_back([&, job] {
        StageCost cost;
        for (int i = 0; i < lines; ++i) {
          cost.attempt = std::to_string(job) + " " + std::to_string(i);
          append_cost(run_, cost);
        }
      });
    }
  }
  EXPECT_EQ(read_costs(run_).size(), static_cast<std::size_t>(jobs * lines));
}

TEST_F(StageCosts, OfAnAttemptThatIsKilledAreThoseOfItsLastNote) {
  comm::run_threads(2, [&](comm::Communicator& world) {
    const auto node = world.split(0, world.rank());
    const CommonOptions options;
    const StopControl stop(std::nullopt);
    JobContext job{world, *node, options, stop, {.threads = 3, .gpus = 1}};
    CostMeter killed(job, run_, "pools-00000000", {}, 0);
    killed.tick({70, 3});
    CostMeter fresh(job, run_, "pools-00000000", {});
    fresh.tick({70, 3});  // a minute has not gone by
    CostMeter ended(job, run_, "pools-00000000", {}, 0);
    ended.tick({70, 3});
    ended.end(StageOutcome::complete, {200, 10});
  });
  const auto costs = read_costs(run_);
  ASSERT_EQ(costs.size(), 3U);
  EXPECT_EQ(costs[0].outcome, StageOutcome::unfinished);
  EXPECT_EQ(costs[0].work.tokens, 70);
  EXPECT_GT(costs[0].seconds, 0);
  EXPECT_EQ(costs[0].gpus, 2);
  EXPECT_EQ(costs[1].outcome, StageOutcome::unfinished);
  EXPECT_EQ(costs[1].work.tokens, 0);
  EXPECT_EQ(costs[2].outcome, StageOutcome::complete);
  EXPECT_EQ(costs[2].work.tokens, 200);
  EXPECT_THAT(cost_text(costs), HasSubstr("3 attempts at 1 stage (2 killed or still at work): "));
}

TEST_F(StageCosts, ThatCannotBeWrittenAreNoErrorOfTheStage) {
  ASSERT_TRUE(io::make_folder(run_.costs()));
  run_stage_on(1, [] {});
  EXPECT_EQ(plan_stage(run_, spec).state, StageState::complete);
  EXPECT_THROW(static_cast<void>(read_costs(run_)), Error);
  log_costs(run_);
}

TEST(CostText, SumsHoursOfAllAttemptsAndRatesOfThoseThatWrote) {
  StageCost pools;
  pools.stage = "pools-00000000";
  pools.seconds = 1800;
  pools.nodes = 2;
  pools.gpus = 8;
  pools.cpus = 64;
  pools.work = {4000, 200};
  StageCost training = pools;
  training.stage = "sft-00000000";
  training.work = {500, 0};
  EXPECT_THAT(cost_text(std::vector{pools, pools, training}),
              AllOf(HasSubstr("3 attempts at 2 stages"), HasSubstr("3 node-hours, 12 GPU-hours, 96 core-hours"),
                    HasSubstr("8500 tokens, 400 samples (50 samples a GPU-hour)")));
  pools.gpus = 0;
  EXPECT_THAT(cost_text(std::vector{pools}), HasSubstr("0 GPU-hours, 32 core-hours; 4000 tokens, 200 samples (6.25 "
                                                       "samples a core-hour)"));
  EXPECT_EQ(cost_text({}), "");
}

}  // namespace
}  // namespace westofn::app
