// SPDX-License-Identifier: Apache-2.0
#include "io/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <tuple>

#include "support/temporary_folder.h"
#include "util/error.h"

namespace westofn::io {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::TemporaryFolder;
using ::testing::ThrowsMessage;

TEST(FileHandle, SaysWhichFileIsMissing) {
  const TemporaryFolder folder;
  EXPECT_THAT([&] { FileHandle::open_to_read(folder / "none"); },
              ThrowsMessage<DataError>(AllOf(HasSubstr(folder / "none"), HasSubstr("no such file"))));
  EXPECT_FALSE(FileHandle::open_if_exists(folder / "none").has_value());
}

TEST(FileHandle, RefusesFolders) {
  const TemporaryFolder folder;
  EXPECT_THAT([&] { FileHandle::open_to_read(folder.path().string()); },
              ThrowsMessage<DataError>(HasSubstr("is not a file")));
}

TEST(FileHandle, DoesNotWaitForTheWriterOfANamedPipe) {
  const TemporaryFolder folder;
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_THROW(FileHandle::open_to_read(folder / "pipe"), DataError);
}

TEST(FileHandle, DoesNotCreateWhatExists) {
  const TemporaryFolder folder;
  std::ignore = folder.write("old", "content");
  EXPECT_THAT([&] { FileHandle::create_new(folder / "old"); },
              ThrowsMessage<IoError>(AllOf(HasSubstr("old"), HasSubstr("File exists"))));
}

TEST(FileHandle, RespectsTheUmask) {
  const TemporaryFolder folder;
  const mode_t before = umask(027);
  FileHandle::create_new(folder / "new").close();
  umask(before);
  struct stat status {};
  ASSERT_EQ(stat((folder / "new").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0640U);
}

TEST(SystemError, GivesPathReasonAndAdvice) {
  const auto error_of = [](int number) {
    return [number] { throw_system_error("write", "runs/a\x1b[2J.h5", number); };
  };
  EXPECT_THAT(error_of(ENOSPC), ThrowsMessage<IoError>(AllOf(HasSubstr("runs/a\\x1b[2J.h5: cannot write: No space"),
                                                             HasSubstr("disk is full"))));
  EXPECT_THAT(error_of(EDQUOT), ThrowsMessage<IoError>(HasSubstr("quota")));
  EXPECT_THAT(error_of(EFBIG), ThrowsMessage<IoError>(HasSubstr("ulimit")));
  EXPECT_THAT(error_of(EIO), ThrowsMessage<IoError>(HasSubstr("Input/output error")));
}

TEST(MappedFile, ShowsTheContent) {
  const TemporaryFolder folder;
  MappedFile file(folder.write("a", std::string("one\0two", 7)));
  EXPECT_EQ(file.text(), std::string_view("one\0two", 7));
  const MappedFile moved = std::move(file);
  EXPECT_EQ(moved.bytes().size(), 7U);
  EXPECT_EQ(moved.bytes()[4], std::byte{'t'});
}

TEST(MappedFile, TakesEmptyFiles) {
  const TemporaryFolder folder;
  EXPECT_TRUE(MappedFile(folder.write("empty", "")).bytes().empty());
}

TEST(ReadFile, StopsAtItsCap) {
  const TemporaryFolder folder;
  const std::string path = folder.write("a", std::string(200'000, 'x'));
  EXPECT_EQ(read_file(path, 200'000).size(), 200'000U);
  EXPECT_THAT([&] { static_cast<void>(read_file(path, 199'999)); },
              ThrowsMessage<DataError>(AllOf(HasSubstr(path), HasSubstr("195.3 KiB"))));
}

TEST(DescribeFile, GivesSizeAndHash) {
  const TemporaryFolder folder;
  const FileInfo info = describe_file(folder.write("a", "content"), "part/a");
  EXPECT_EQ(info, (FileInfo{"part/a", 7, hash128("content")}));
  EXPECT_THROW(static_cast<void>(describe_file(folder / "none", "none")), DataError);
}

TEST(LinkFile, NeverReplaces) {
  const TemporaryFolder folder;
  const std::string one = folder.write("one", "1");
  const std::string two = folder.write("two", "2");
  EXPECT_FALSE(link_file(one, two));
  EXPECT_EQ(testing::read_all(two), "2");
  EXPECT_TRUE(link_file(one, folder / "three"));
  EXPECT_EQ(file_status(folder / "three")->inode, file_status(one)->inode);
  EXPECT_THROW(static_cast<void>(link_file(folder / "none", folder / "four")), IoError);
}

TEST(LinkFile, CountsALinkThatIsThereAlreadyAsMade) {
  const TemporaryFolder folder;
  const std::string one = folder.write("one", "1");
  ASSERT_TRUE(link_file(one, folder / "two"));
  EXPECT_TRUE(link_file(one, folder / "two"));
}

TEST(FileNames, AreChangedAndRemoved) {
  const TemporaryFolder folder;
  rename_file(folder.write("one", "1"), folder.write("two", "2"));
  EXPECT_EQ(testing::read_all(folder / "two"), "1");
  EXPECT_THROW(rename_file(folder / "one", folder / "two"), IoError);
  remove_file(folder / "two");
  EXPECT_NO_THROW(remove_file(folder / "two"));
  EXPECT_FALSE(file_status(folder / "two").has_value());
  EXPECT_FALSE(touch_file(folder / "two"));
}

TEST(ParentFolder, IsADotForPlainNames) {
  EXPECT_EQ(parent_folder("a/b/c"), "a/b");
  EXPECT_EQ(parent_folder("/a"), "/");
  EXPECT_EQ(parent_folder("a"), ".");
}

}  // namespace
}  // namespace westofn::io
