// SPDX-License-Identifier: Apache-2.0
#include "io/durable_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <tuple>

#include "child_process.h"
#include "support/temporary_folder.h"
#include "util/error.h"

namespace westofn::io {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::read_all;
using testing::TemporaryFolder;
using ::testing::ThrowsMessage;

std::vector<std::string> names_in(const TemporaryFolder& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

TEST(DurableFile, AppearsWholeWithSizeAndHash) {
  const TemporaryFolder folder;
  DurableFile file(folder / "a.h5");
  file.append("first ");
  file.append(std::as_bytes(std::span("second", 6)));
  EXPECT_FALSE(std::filesystem::exists(folder / "a.h5"));
  EXPECT_EQ(file.size(), 12U);
  EXPECT_EQ(file.commit(), (FileInfo{"a.h5", 12, hash128("first second")}));
  EXPECT_EQ(read_all(folder / "a.h5"), "first second");
  EXPECT_THAT(names_in(folder), ElementsAre("a.h5"));
}

TEST(DurableFile, KeepsTheOrderOfSmallAndLargePieces) {
  const TemporaryFolder folder;
  DurableFile file(folder / "a");
  std::string expected;
  for (int i = 0; i < 40; ++i) {
    const std::string piece(i % 7 == 3 ? 3'000'000 : 90'000 + static_cast<std::size_t>(i), static_cast<char>('a' + i));
    file.append(piece);
    expected += piece;
  }
  EXPECT_EQ(file.commit().hash, hash128(expected));
  EXPECT_EQ(read_all(folder / "a"), expected);
}

TEST(DurableFile, WithoutCommitTheOldFileStays) {
  const TemporaryFolder folder;
  std::ignore = folder.write("a", "old");
  {
    DurableFile file(folder / "a");
    file.append(std::string(3'000'000, 'x'));
  }
  EXPECT_EQ(read_all(folder / "a"), "old");
  EXPECT_THAT(names_in(folder), ElementsAre("a"));
}

TEST(DurableFile, ReplacesTheOldFile) {
  const TemporaryFolder folder;
  std::ignore = folder.write("a", "old");
  write_durable(folder / "a", "new");
  EXPECT_EQ(read_all(folder / "a"), "new");
}

TEST(DurableFile, MayBeEmpty) {
  const TemporaryFolder folder;
  EXPECT_EQ(write_durable(folder / "a", ""), (FileInfo{"a", 0, hash128("")}));
  EXPECT_EQ(read_all(folder / "a"), "");
}

TEST(DurableFile, ReplacesTheTemporaryFileOfADeadProcessWithItsNumber) {
  const TemporaryFolder folder;
  std::ignore = folder.write(".a.tmp-" + std::to_string(getpid()), "left");
  write_durable(folder / "a", "new");
  EXPECT_THAT(names_in(folder), ElementsAre("a"));
}

TEST(DurableFile, NamesTheFolderThatIsMissing) {
  const TemporaryFolder folder;
  EXPECT_THAT([&] { DurableFile(folder / "none/a"); },
              ThrowsMessage<IoError>(AllOf(HasSubstr("none"), HasSubstr("No such file or directory"))));
}

/// What a process says that writes 3 MB in pieces of `piece` bytes over "a", with room for 1.5 MB.
std::string message_when_full(const TemporaryFolder& folder, std::size_t piece) {
  std::ignore = folder.write("a", "old");
  const int code = testing::run_in_child([&] {
    testing::limit_file_size(1'500'000);
    try {
      DurableFile file(folder / "a");
      for (std::size_t i = 0; i < 3'000'000 / piece; ++i) file.append(std::string(piece, 'x'));
      file.commit();
    } catch (const IoError& error) {
      std::ignore = folder.write("message", error.what());
      return 4;
    }
    return 0;
  });
  EXPECT_EQ(code, 4);
  return read_all(folder / "message");
}

TEST(DurableFile, LeavesTheOldFileWhenTheDiskIsFull) {
  for (const std::size_t piece : {std::size_t{1'000}, std::size_t{3'000'000}}) {
    const TemporaryFolder folder;
    EXPECT_THAT(message_when_full(folder, piece),
                AllOf(HasSubstr(".a.tmp-"), HasSubstr("cannot write"), HasSubstr("File too large")));
    EXPECT_EQ(read_all(folder / "a"), "old");
    EXPECT_THAT(names_in(folder), ElementsAre("a", "message"));
  }
}

TEST(MakeFolderDurable, MakesTheWholePath) {
  const TemporaryFolder folder;
  make_folder_durable(folder / "runs/toy/prepare/");
  EXPECT_TRUE(std::filesystem::is_directory(folder / "runs/toy/prepare"));
  EXPECT_NO_THROW(make_folder_durable(folder / "runs/toy/prepare"));
}

TEST(MakeFolderDurable, RefusesAFileInTheWay) {
  const TemporaryFolder folder;
  std::ignore = folder.write("runs", "");
  EXPECT_THAT([&] { make_folder_durable(folder / "runs"); }, ThrowsMessage<IoError>(HasSubstr("is not a folder")));
  EXPECT_THROW(make_folder_durable(folder / "runs/toy"), IoError);
}

TEST(MakeFolderDurable, LetsSeveralProcessesMakeOnePath) {
  const TemporaryFolder folder;
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    children.push_back(testing::start_child([&] {
      for (int round = 0; round < 20; ++round) make_folder_durable(folder / ("a/b/c" + std::to_string(round)));
      return 0;
    }));
  }
  for (const pid_t child : children) EXPECT_EQ(testing::wait_for(child), 0);
}

TEST(RemoveTemporaries, RemovesLeftoversAndNothingElse) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "checkpoints/7");
  std::filesystem::create_directories(folder / ".folder.tmp-5");
  for (const char* name : {".a.h5.tmp-12", "checkpoints/7/.w.safetensors.tmp-3"}) std::ignore = folder.write(name, "");
  for (const char* name : {"a.h5", ".hidden", "b.tmp-12", ".c.tmp-", ".d.tmp-12x", "checkpoints/7/w"}) {
    std::ignore = folder.write(name, "");
  }
  EXPECT_EQ(remove_temporaries(folder.path().string()), 2);
  EXPECT_THAT(names_in(folder),
              ElementsAre(".c.tmp-", ".d.tmp-12x", ".folder.tmp-5", ".hidden", "a.h5", "b.tmp-12", "checkpoints"));
  EXPECT_TRUE(std::filesystem::exists(folder / "checkpoints/7/w"));
  EXPECT_FALSE(std::filesystem::exists(folder / "checkpoints/7/.w.safetensors.tmp-3"));
}

TEST(RemoveTemporaries, NamesTheFolderThatItCannotList) {
  EXPECT_THAT([] { remove_temporaries("no/such/folder"); }, ThrowsMessage<IoError>(HasSubstr("no/such/folder")));
}

}  // namespace
}  // namespace westofn::io
