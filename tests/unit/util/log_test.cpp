// SPDX-License-Identifier: Apache-2.0
#include "util/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temporary_folder.h"
#include "util/error.h"

namespace westofn {
namespace {

TEST(Log, AFileThatCannotBeOpenedIsAStorageErrorThatNamesIt) {
  const testing::TemporaryFolder folder;
  const std::string path = folder.write("file", "") + "/westofn.log";
  try {
    log_to_file(path);
    FAIL() << "no error";
  } catch (const IoError& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr(path));
  }
  log_info("the log goes on without it");
}

TEST(Log, WritesLinesOfRankZeroToTheFile) {
  const testing::TemporaryFolder folder;
  log_to_file(folder / "westofn.log");
  log_debug("a detail");
  EXPECT_THAT(testing::read_all(folder / "westofn.log"), ::testing::HasSubstr("rank 0 debug a detail"));
}

}  // namespace
}  // namespace westofn
