// SPDX-License-Identifier: Apache-2.0
#include "app/doctor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <filesystem>

#include "comm/thread_communicator.h"
#include "support/temporary_folder.h"
#include "util/clock.h"

namespace westofn::app {
namespace {

using ::testing::HasSubstr;

RankReport rank_on(const std::string& host, int local_rank, int local_size) {
  return {.host = host, .local_rank = local_rank, .local_size = local_size, .cores = 32, .machine_cores = 64};
}

/// All advice of a report, one a line.
std::string advice_of(const std::vector<Finding>& findings) {
  std::string text;
  for (const auto& finding : findings) {
    if (!finding.advice.empty()) text += finding.text + " -> " + finding.advice + "\n";
  }
  return text;
}

TEST(JudgeRanks, FindsNothingWrongWithAUsualStart) {
  auto alone = rank_on("n2", 0, 1);
  alone.cores = 64;
  const auto findings = judge_ranks({rank_on("n1", 0, 2), alone, rank_on("n1", 1, 2)});
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(advice_of(findings), "");
  EXPECT_THAT(findings[0].text, HasSubstr("n1: 2 ranks, 32 of 64 cores"));
}

TEST(JudgeRanks, SeesTooManyRanksForCoresAndGpus) {
  auto crowded = rank_on("n1", 0, 1);
  crowded.machine_cores = 0;
  EXPECT_THAT(advice_of(judge_ranks({crowded})), HasSubstr("more ranks than cores"));
  auto first = rank_on("n1", 0, 2);
  auto second = rank_on("n1", 1, 2);
  first.gpus = second.gpus = 1;
  EXPECT_THAT(advice_of(judge_ranks({first, second})), HasSubstr("--ntasks-per-node=1"));
}

TEST(JudgeRanks, SeesThreadsThatDoNotFitTheBindingOfAnyRank) {
  auto rank = rank_on("n1", 1, 2);
  rank.threads = 48;
  EXPECT_THAT(advice_of(judge_ranks({rank_on("n1", 0, 2), rank})), HasSubstr("set OMP_NUM_THREADS to 32"));
  rank.threads = 16;
  EXPECT_EQ(advice_of(judge_ranks({rank_on("n1", 0, 2), rank})), "");
}

TEST(JudgeRanks, ReportsTheWorstRankOfAHost) {
  auto narrow = rank_on("n1", 1, 2);
  narrow.cores = 1;
  narrow.threads = 2;
  const auto findings = judge_ranks({rank_on("n1", 0, 2), narrow});
  EXPECT_THAT(findings.at(0).text, HasSubstr("1 to 32 of 64 cores"));
  EXPECT_THAT(findings.at(0).text, HasSubstr("not set on all ranks"));
  EXPECT_THAT(advice_of(findings), HasSubstr("set OMP_NUM_THREADS to 1 "));
}

TEST(JudgeRanks, SeesCoresThatNoRankMayUse) {
  auto first = rank_on("n1", 0, 2);
  auto second = rank_on("n1", 1, 2);
  first.cores = second.cores = 8;
  EXPECT_THAT(advice_of(judge_ranks({first, second})),
              HasSubstr("bound to 16 of 64 cores -> start more ranks, or widen"));
  first.cores = second.cores = 64;
  EXPECT_EQ(advice_of(judge_ranks({first, second})), "");
}

TEST(JudgeRanks, SeesRanksThatDoNotShareMemory) {
  EXPECT_THAT(advice_of(judge_ranks({rank_on("n1", 0, 2), rank_on("n1", 0, 1)})), HasSubstr("share a name"));
}

TEST(ProbeFileSystem, LeavesNothingBehind) {
  const testing::TemporaryFolder folder;
  EXPECT_EQ(advice_of(probe_file_system(folder.path().string())), "");
  EXPECT_EQ(advice_of(probe_file_system(folder / "a/b/")), "") << "folders that are missing are made";
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  std::filesystem::create_directory(folder / "there");
  EXPECT_EQ(advice_of(probe_file_system(folder / "there")), "");
  EXPECT_TRUE(std::filesystem::exists(folder / "there")) << "a folder of the user stays";
}

TEST(ProbeSharing, FindsARankThatDoesNotSeeTheFolder) {
  const testing::TemporaryFolder folder;
  std::array<std::vector<Finding>, 3> same;
  std::array<std::vector<Finding>, 3> different;
  comm::run_threads(3, [&](comm::Communicator& world) {
    const auto rank = static_cast<std::size_t>(world.rank());
    same[rank] = probe_sharing(world, folder / "runs", 0);
    different[rank] = probe_sharing(world, folder / (rank == 2 ? "elsewhere" : "runs"), 0);
  });
  ASSERT_EQ(same[0].size(), 1U);
  EXPECT_EQ(advice_of(same[0]), "");
  EXPECT_THAT(advice_of(different[0]),
              HasSubstr("not seen on: " + host_name() + " -> the run folder must be on a file"));
  EXPECT_TRUE(same[1].empty() && different[2].empty());
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(ProbeSharing, EndsOnAllRanksWhereRankZeroCannotWrite) {
  const testing::TemporaryFolder folder;
  folder.write("file", "");
  comm::run_threads(
      2, [&](comm::Communicator& world) { EXPECT_TRUE(probe_sharing(world, folder / "file/below", 0).empty()); });
}

TEST(ProbeFileSystem, ReportsAFolderThatCannotBeWritten) {
  const testing::TemporaryFolder folder;
  folder.write("file", "");
  EXPECT_THAT(advice_of(probe_file_system(folder / "file/below")), HasSubstr("choose another folder"));
}

}  // namespace
}  // namespace westofn::app
