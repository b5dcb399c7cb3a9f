// SPDX-License-Identifier: Apache-2.0
#include "app/doctor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temporary_folder.h"

namespace westofn::app {
namespace {

using ::testing::HasSubstr;

RankReport rank_on(const std::string& host, int local_rank, int local_size) {
  return {.host = host, .local_rank = local_rank, .local_size = local_size, .cores = 8, .machine_cores = 64};
}

TEST(JudgeRanks, FindsNothingWrongWithAUsualStart) {
  const auto findings = judge_ranks({rank_on("n1", 0, 2), rank_on("n1", 1, 2), rank_on("n2", 0, 1)});
  ASSERT_EQ(findings.size(), 2U);
  for (const auto& finding : findings) EXPECT_EQ(finding.advice, "");
  EXPECT_THAT(findings[0].text, HasSubstr("n1: 2 ranks, 8 of 64 cores"));
}

TEST(JudgeRanks, SeesTooManyRanksForCoresAndGpus) {
  auto crowded = rank_on("n1", 0, 1);
  crowded.machine_cores = 0;
  EXPECT_THAT(judge_ranks({crowded}).at(0).advice, HasSubstr("more ranks than cores"));
  auto first = rank_on("n1", 0, 2);
  auto second = rank_on("n1", 1, 2);
  first.gpus = second.gpus = 1;
  EXPECT_THAT(judge_ranks({first, second}).at(0).advice, HasSubstr("--ntasks-per-node=1"));
}

TEST(JudgeRanks, SeesThreadsThatDoNotFitTheBinding) {
  auto rank = rank_on("n1", 0, 1);
  rank.threads = 16;
  EXPECT_THAT(judge_ranks({rank}).at(0).advice, HasSubstr("set OMP_NUM_THREADS to 8"));
}

TEST(JudgeRanks, SeesRanksThatDoNotShareMemory) {
  EXPECT_THAT(judge_ranks({rank_on("n1", 0, 1), rank_on("n1", 0, 1)}).at(0).advice, HasSubstr("share a name"));
}

TEST(ProbeFileSystem, LeavesNothingBehind) {
  const testing::TemporaryFolder folder;
  for (const auto& finding : probe_file_system(folder.path().string())) EXPECT_EQ(finding.advice, "") << finding.text;
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(ProbeFileSystem, ReportsAFolderThatCannotBeWritten) {
  const testing::TemporaryFolder folder;
  folder.write("file", "");
  bool advised = false;
  for (const auto& finding : probe_file_system(folder / "file/below")) advised = advised || !finding.advice.empty();
  EXPECT_TRUE(advised);
}

}  // namespace
}  // namespace westofn::app
