// SPDX-License-Identifier: Apache-2.0
#include "io/run_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <tuple>

#include "child_process.h"
#include "support/temporary_folder.h"
#include "util/error.h"

namespace westofn::io {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::read_all;
using testing::TemporaryFolder;
using ::testing::ThrowsMessage;
using Json = nlohmann::json;

/// A folder with the lock file that a job of this process would leave, changed as the test wants it.
struct LockFolder {
  TemporaryFolder folder;
  std::string path = folder / "prepare-3fa9.lock";

  Json own_content() const {
    std::filesystem::remove(path);
    const RunLock lock(path);
    return Json::parse(read_all(path));
  }
  /// `age_s` seconds since the owner touched it.
  void leave(const std::string& content, int age_s = 0) const {
    std::ignore = folder.write("prepare-3fa9.lock", content);
    const auto time = std::filesystem::last_write_time(path);
    std::filesystem::last_write_time(path, time - std::chrono::seconds(age_s));
  }
  void leave(const char* key, const Json& value, int age_s = 0) const {
    Json content = own_content();
    content[key] = value;
    leave(content.dump(), age_s);
  }
  bool can_be_taken() const {
    try {
      const RunLock lock(path);
      return true;
    } catch (const ConfigError&) {
      return false;
    }
  }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder.path()), {}));
  }
};

TEST(RunLock, RefusesASecondHolderAndNamesTheFirst) {
  const LockFolder at;
  const RunLock lock(at.path);
  EXPECT_THAT([&] { const RunLock second(at.path); },
              ThrowsMessage<ConfigError>(AllOf(HasSubstr("stage prepare-3fa9 is being worked on"),
                                               HasSubstr("process " + std::to_string(getpid()) + " on host"),
                                               HasSubstr("remove " + at.path))));
  EXPECT_TRUE(std::filesystem::exists(at.path));
  EXPECT_EQ(at.files(), 1U);
}

TEST(RunLock, NamesTheSlurmJobOfTheHolder) {
  const LockFolder at;
  at.leave("slurm_job", "4711\x1b[2J");
  EXPECT_THAT([&] { const RunLock second(at.path); },
              ThrowsMessage<ConfigError>(HasSubstr("(Slurm job 4711\\x1b[2J)")));
}

TEST(RunLock, IsFreeAfterRelease) {
  const LockFolder at;
  RunLock lock(at.path);
  lock.release();
  EXPECT_EQ(at.files(), 0U);
  EXPECT_TRUE(at.can_be_taken());
  EXPECT_EQ(at.files(), 0U);
  lock.release();
}

TEST(RunLock, OfAKilledProcessIsTakenOver) {
  const LockFolder at;
  EXPECT_EQ(testing::run_in_child([&] {
              const RunLock lock(at.path);
              return raise(SIGKILL);
            }),
            -SIGKILL);
  ASSERT_EQ(at.files(), 1U);
  EXPECT_TRUE(at.can_be_taken());
  EXPECT_EQ(at.files(), 0U);
}

TEST(RunLock, OfAProcessThatNobodyHasWaitedForIsTakenOver) {
  const LockFolder at;
  const pid_t child = testing::start_child([&] {
    const RunLock lock(at.path);
    return raise(SIGKILL);
  });
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  EXPECT_TRUE(at.can_be_taken());
  testing::wait_for(child);
}

TEST(RunLock, OfALivingProcessIsHeldHoweverOld) {
  const LockFolder at;
  at.leave("command", "slow", 100'000);
  EXPECT_FALSE(at.can_be_taken());
}

TEST(RunLock, OfAReusedProcessNumberIsTakenOver) {
  const LockFolder at;
  at.leave("start_time", "1");
  EXPECT_TRUE(at.can_be_taken());
}

TEST(RunLock, OfThisSlurmJobBeforeItWasRequeuedIsTakenOver) {
  const LockFolder at;
  Json lost = at.own_content();
  lost["host"] = "a-lost-node";
  lost["slurm_job"] = "4711";
  at.leave(lost.dump());
  setenv("SLURM_JOB_ID", "4711", 1);
  EXPECT_FALSE(at.can_be_taken()) << "another step of the same start";
  setenv("SLURM_RESTART_COUNT", "1", 1);
  EXPECT_TRUE(at.can_be_taken());
  at.leave(lost.dump());
  setenv("SLURM_JOB_ID", "4712", 1);
  EXPECT_FALSE(at.can_be_taken()) << "another job on another node";
  unsetenv("SLURM_JOB_ID");
  unsetenv("SLURM_RESTART_COUNT");
}

TEST(RunLock, OfAnEarlierBootIsTakenOverOnceItIsNotTouchedAnyMore) {
  const LockFolder at;
  at.leave("boot_id", "00000000-0000-0000-0000-000000000000");
  EXPECT_FALSE(at.can_be_taken()) << "another machine of the same name";
  at.leave("boot_id", "00000000-0000-0000-0000-000000000000", 130);
  EXPECT_TRUE(at.can_be_taken());
}

TEST(RunLock, OfOthersCountsByItsLastTouch) {
  const LockFolder at;
  for (const char* key : {"host", "pid_namespace"}) {
    at.leave(key, "elsewhere", 500);
    EXPECT_FALSE(at.can_be_taken()) << key;
    at.leave(key, "elsewhere", 700);
    EXPECT_TRUE(at.can_be_taken()) << key;
  }
}

TEST(RunLock, ThatIsDamagedCountsByItsLastTouch) {
  const LockFolder at;
  Json nonsense = at.own_content();
  nonsense["pid"] = -1;
  for (const std::string& content :
       {std::string(), std::string("{\"host\":"), std::string("[1]"), std::string(200'000, '['), nonsense.dump()}) {
    at.leave(content, 500);
    EXPECT_THAT([&] { const RunLock lock(at.path); }, ThrowsMessage<ConfigError>(HasSubstr("cannot be told")));
    at.leave(content, 700);
    EXPECT_TRUE(at.can_be_taken());
  }
}

TEST(RunLock, TouchShowsThatTheJobIsAlive) {
  const LockFolder at;
  RunLock lock(at.path, {.stale_after_s = 600, .touch_every_s = 0});
  const auto now = std::filesystem::last_write_time(at.path);
  std::filesystem::last_write_time(at.path, now - std::chrono::hours(1));
  lock.touch();
  EXPECT_GE(std::filesystem::last_write_time(at.path), now - std::chrono::seconds(1));
}

TEST(RunLock, TouchDoesNothingMoreOftenThanAsked) {
  const LockFolder at;
  RunLock lock(at.path);
  std::filesystem::last_write_time(at.path, std::filesystem::file_time_type{});
  lock.touch();
  EXPECT_EQ(std::filesystem::last_write_time(at.path), std::filesystem::file_time_type{});
}

TEST(RunLock, TouchAndReleaseLeaveTheLockOfASuccessorAlone) {
  const LockFolder at;
  RunLock suspended(at.path, {.stale_after_s = 600, .touch_every_s = 0});
  std::ignore = at.folder.write("new", "of another job");
  std::filesystem::rename(at.folder / "new", at.path);
  EXPECT_THAT([&] { suspended.touch(); }, ThrowsMessage<IoError>(HasSubstr("taken the lock over")));
  suspended.release();
  EXPECT_EQ(read_all(at.path), "of another job");
}

TEST(RunLock, SurvivesTheDeathOfSomebodyWhoTookOver) {
  const LockFolder at;
  at.leave("start_time", "1");
  std::filesystem::copy(at.path, at.path + ".recovery");
  EXPECT_TRUE(at.can_be_taken());
  EXPECT_EQ(at.files(), 0U);
}

TEST(RunLock, RefusesWhileSomebodyTakesOver) {
  const LockFolder at;
  const RunLock recovery(at.path + ".recovery");
  at.leave("start_time", "1");
  EXPECT_FALSE(at.can_be_taken());
}

TEST(RunLock, SaysWhatCannotBeALock) {
  const LockFolder at;
  std::filesystem::create_symlink("nowhere", at.path);
  EXPECT_THROW({ const RunLock lock(at.path); }, IoError);
}

/// Lets processes try to take the lock at the same time; returns how many of them got it and how many were refused.
std::array<int, 2> race(const std::string& path, int processes) {
  std::array<int, 2> start{};
  std::array<int, 2> end{};
  std::array<int, 2> result{};
  if (pipe(start.data()) != 0 || pipe(end.data()) != 0 || pipe(result.data()) != 0) throw std::runtime_error("pipe");
  std::vector<pid_t> children;
  for (int i = 0; i < processes; ++i) {
    children.push_back(testing::start_child([&] {
      char ignored = 0;
      close(start[1]);
      close(end[1]);
      static_cast<void>(read(start[0], &ignored, 1));  // until all are there
      char outcome = 0;
      std::optional<RunLock> lock;
      try {
        lock.emplace(path);
      } catch (const ConfigError&) {
        outcome = 1;
      }
      if (write(result[1], &outcome, 1) != 1) return 1;
      static_cast<void>(read(end[0], &ignored, 1));  // until all have tried
      return 0;
    }));
  }
  close(start[1]);
  close(result[1]);
  std::array<int, 2> counts{};
  char outcome = 0;
  for (int i = 0; i < processes && read(result[0], &outcome, 1) == 1; ++i)
    ++counts.at(static_cast<std::size_t>(outcome));
  close(end[1]);
  for (const pid_t child : children) EXPECT_EQ(testing::wait_for(child), 0);
  for (const int descriptor : {start[0], end[0], result[0]}) close(descriptor);
  return counts;
}

TEST(RunLock, IsGivenToOneOfManyWhoTakeItOver) {
  const LockFolder at;
  for (int round = 0; round < 40; ++round) {
    at.leave("start_time", "1");
    EXPECT_EQ(race(at.path, 5), (std::array<int, 2>{1, 4})) << round;
    EXPECT_EQ(at.files(), 0U);
    ASSERT_TRUE(at.can_be_taken());
  }
}

TEST(RunLock, IsGivenToOneOfManyWhoWantIt) {
  const LockFolder at;
  for (int round = 0; round < 40; ++round) {
    EXPECT_EQ(race(at.path, 5), (std::array<int, 2>{1, 4})) << round;
    ASSERT_TRUE(at.can_be_taken());
  }
}

}  // namespace
}  // namespace westofn::io
