// SPDX-License-Identifier: Apache-2.0
#include "io/hdf5.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <limits>
#include <thread>
#include <tuple>

#include "child_process.h"
#include "support/temporary_folder.h"
#include "util/error.h"

namespace westofn::io {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::read_all;
using testing::TemporaryFolder;
using ::testing::ThrowsMessage;

const FieldNote note = {"what it is", "1"};

/// Every value of T that is easily lost, and some more.
template <class T>
std::vector<T> corner_values() {
  using Limits = std::numeric_limits<T>;
  return {Limits::min(), Limits::max(), Limits::lowest(), T{0}, T{1}, T{42}};
}

struct Example {
  std::vector<std::string> words = {"", "one", "zwei \xC3\xA4\xF0\x9F\x98\x80", std::string("a\0b", 3), "", "last"};
  std::vector<double> scores = {0.1, -0.0, std::numeric_limits<double>::denorm_min()};
};

FileInfo write_example(const std::string& path) {
  Hdf5Writer out;
  out.attribute("/", "filetype", "example");
  out.attribute("/", "seed", 42);
  out.attribute("/", "rate", 0.25);
  out.attribute("/", "version", std::vector<std::int64_t>{1, 2});
  out.text("/deep/down/words", Example().words, {"the words", "text"});
  out.dataset("/scores", Example().scores, {"how good", "nats"});
  out.dataset_2d("/table", std::array<std::int32_t, 6>{1, 2, 3, 4, 5, 6}, 3, note);
  out.attribute("/table", "columns", "a, b, c");
  return out.publish(path);
}

/// Everything in the example; throws DataError like the reader.
void expect_example(const Hdf5Reader& in) {
  EXPECT_EQ(in.attribute_as<std::string>("/", "filetype"), "example");
  EXPECT_EQ(in.attribute_as<std::int64_t>("/", "seed"), 42);
  EXPECT_EQ(in.attribute_as<double>("/", "rate"), 0.25);
  EXPECT_THAT(in.attribute_as<std::vector<std::int64_t>>("/", "version"), ElementsAre(1, 2));
  EXPECT_EQ(in.text("/deep/down/words"), Example().words);
  EXPECT_EQ(in.read<double>("/scores"), Example().scores);
  EXPECT_THAT(in.read<std::int32_t>("/table"), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_EQ(in.attribute_as<std::string>("/table", "columns"), "a, b, c");
  ASSERT_EQ(in.list().size(), 4U);
  EXPECT_EQ(in.list()[2].note.units, "nats");
}

TEST(Hdf5, RoundTripsEverything) {
  const TemporaryFolder folder;
  const FileInfo info = write_example(folder / "a.h5");
  EXPECT_EQ(info, (FileInfo{"a.h5", std::filesystem::file_size(folder / "a.h5"), hash128(read_all(folder / "a.h5"))}));
  expect_example(Hdf5Reader(folder / "a.h5"));
  expect_example(Hdf5Reader(folder / "a.h5", info));
}

template <class T>
class Hdf5Elements : public ::testing::Test {};
using ElementTypes =
    ::testing::Types<std::int8_t, std::uint8_t, std::int32_t, std::int64_t, std::uint64_t, float, double>;
TYPED_TEST_SUITE(Hdf5Elements, ElementTypes);

TYPED_TEST(Hdf5Elements, RoundTrip) {
  const TemporaryFolder folder;
  Hdf5Writer out;
  std::vector<TypeParam> many(1'000'000);  // several chunks, the last one not full
  for (std::size_t i = 0; i < many.size(); ++i) many[i] = static_cast<TypeParam>(i % 113);
  out.dataset("/corners", corner_values<TypeParam>(), note);
  out.dataset("/none", std::vector<TypeParam>(), note);
  out.dataset("/many", many, note);
  out.dataset_2d("/rows", many, 200'000, note);
  out.dataset_2d("/no_rows", std::vector<TypeParam>(), 7, note);
  out.publish(folder / "a.h5");

  const Hdf5Reader in(folder / "a.h5");
  EXPECT_EQ(in.template read<TypeParam>("/corners"), corner_values<TypeParam>());
  EXPECT_TRUE(in.template read<TypeParam>("/none").empty());
  EXPECT_EQ(in.template read<TypeParam>("/many"), many);
  EXPECT_EQ(in.template read<TypeParam>("/rows"), many);
  EXPECT_TRUE(in.template read<TypeParam>("/no_rows").empty());
}

TEST(Hdf5, KeepsNotANumber) {
  const TemporaryFolder folder;
  Hdf5Writer out;
  out.dataset("/x", std::array<double, 1>{std::numeric_limits<double>::quiet_NaN()}, note);
  out.publish(folder / "a.h5");
  EXPECT_TRUE(std::isnan(Hdf5Reader(folder / "a.h5").read<double>("/x").at(0)));
}

TEST(Hdf5, ListsWhatInspectShows) {
  const TemporaryFolder folder;
  write_example(folder / "a.h5");
  const auto list = Hdf5Reader(folder / "a.h5").list();
  ASSERT_EQ(list.size(), 4U);
  EXPECT_EQ(list[0].path, "/deep/down/words/bytes");
  EXPECT_EQ(list[1].path, "/deep/down/words/offsets");
  EXPECT_EQ(list[2].path, "/scores");
  EXPECT_EQ(list[3].path, "/table");
  EXPECT_EQ(to_string(list[3].type), "int32");
  EXPECT_THAT(list[3].shape, ElementsAre(2, 3));
  EXPECT_GT(list[3].stored_bytes, 0U);
  EXPECT_EQ(list[3].note.description, "what it is");
  EXPECT_THAT(Hdf5Reader(folder / "a.h5").attribute_names("/"), ElementsAre("filetype", "rate", "seed", "version"));
}

TEST(Hdf5, MayHaveNoRowsOfText) {
  const TemporaryFolder folder;
  Hdf5Writer out;
  out.text("/none", {}, note);
  out.text("/empty", std::vector<std::string>(3), note);
  out.publish(folder / "a.h5");
  EXPECT_TRUE(Hdf5Reader(folder / "a.h5").text("/none").empty());
  EXPECT_THAT(Hdf5Reader(folder / "a.h5").text("/empty"), ElementsAre("", "", ""));
}

TEST(Hdf5, TakesLongAndEmptyAttributes) {
  const TemporaryFolder folder;
  const std::string settings(300'000, 's');
  Hdf5Writer out;
  out.attribute("/", "settings", settings);
  out.attribute("/", "empty", "");
  out.publish(folder / "a.h5");
  EXPECT_EQ(Hdf5Reader(folder / "a.h5").attribute_as<std::string>("/", "settings"), settings);
  EXPECT_EQ(Hdf5Reader(folder / "a.h5").attribute_as<std::string>("/", "empty"), "");
}

TEST(Hdf5, BytesDependOnTheContentOnly) {
  const TemporaryFolder folder;
  write_example(folder / "a.h5");
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // object times are kept in seconds
  write_example(folder / "b.h5");
  EXPECT_EQ(read_all(folder / "a.h5"), read_all(folder / "b.h5"));
}

TEST(Hdf5, KeepsFilesInMemoryApart) {
  const TemporaryFolder folder;
  Hdf5Writer one;
  Hdf5Writer two;
  one.dataset("/x", std::array<std::int64_t, 1>{1}, note);
  two.dataset("/x", std::array<std::int64_t, 1>{2}, note);
  one.publish(folder / "1.h5");
  two.publish(folder / "2.h5");
  const Hdf5Reader first(folder / "1.h5");
  const Hdf5Reader second(folder / "2.h5");
  const Hdf5Reader again(folder / "1.h5");
  EXPECT_THAT(first.read<std::int64_t>("/x"), ElementsAre(1));
  EXPECT_THAT(second.read<std::int64_t>("/x"), ElementsAre(2));
  EXPECT_THAT(again.read<std::int64_t>("/x"), ElementsAre(1));
}

TEST(Hdf5Writer, LeavesTheOldFileWhenTheDiskIsFull) {
  const TemporaryFolder folder;
  std::ignore = folder.write("a.h5", "old");
  EXPECT_EQ(testing::run_in_child([&] {
              testing::limit_file_size(1'000);
              write_example(folder / "a.h5");
              return 0;
            }),
            4);
  EXPECT_EQ(read_all(folder / "a.h5"), "old");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(Hdf5Writer, NamesTheRowThatIsNotUtf8) {
  Hdf5Writer out;
  EXPECT_THAT(
      [&] {
        out.text("/words", std::vector<std::string>{"good", "b\xff"}, note);
      },
      ThrowsMessage<DataError>(AllOf(HasSubstr("/words, row 1"), HasSubstr("b\\xff"))));
}

TEST(Hdf5Reader, NamesFileAndObjectOfWhatItRefuses) {
  const TemporaryFolder folder;
  write_example(folder / "a.h5");
  const Hdf5Reader in(folder / "a.h5");
  const auto refused = [&](auto part) { return ThrowsMessage<DataError>(AllOf(HasSubstr("a.h5: "), part)); };
  EXPECT_THAT([&] { std::ignore = in.read<double>("/none"); }, refused(HasSubstr("has no /none")));
  EXPECT_THAT([&] { std::ignore = in.read<double>("/deep/none/x"); }, refused(HasSubstr("has no /deep/none/x")));
  EXPECT_THAT([&] { std::ignore = in.read<double>("/deep"); }, refused(HasSubstr("/deep is not a dataset")));
  EXPECT_THAT([&] { std::ignore = in.read<float>("/scores"); }, refused(HasSubstr("float64, expected float32")));
  EXPECT_THAT([&] { std::ignore = in.read<std::uint64_t>("/deep/down/words/offsets"); },
              refused(HasSubstr("int64, expected uint64")));
  EXPECT_THAT([&] { std::ignore = in.text("/scores"); }, refused(HasSubstr("/scores/bytes")));
  EXPECT_THAT([&] { std::ignore = in.attribute("/", "none"); }, refused(HasSubstr("no attribute 'none'")));
  EXPECT_THAT([&] { std::ignore = in.attribute_as<double>("/", "seed"); }, refused(HasSubstr("another type")));
  EXPECT_TRUE(in.contains("/deep/down/words/bytes"));
  EXPECT_FALSE(in.contains("/deep/up/words"));
}

TEST(Hdf5Reader, RefusesWhatIsNoHdf5File) {
  const TemporaryFolder folder;
  for (const char* content : {"", "short", "a text that is long enough to be something else"}) {
    const std::string path = folder.write("a.h5", content);
    EXPECT_THAT([&] { const Hdf5Reader in(path); },
                ThrowsMessage<DataError>(AllOf(HasSubstr(path), HasSubstr("is not an HDF5 file"))));
  }
  EXPECT_THROW({ const Hdf5Reader in(folder / "none"); }, DataError);
}

TEST(Hdf5Reader, RefusesOffsetsThatDoNotCutTheBytes) {
  const std::vector<std::vector<std::int64_t>> wrong = {
      {},         {0},          {0, 3},
      {1, 4},     {0, 3, 2, 4}, {0, 5},
      {0, -1, 4}, {-1, 4},      {0, std::numeric_limits<std::int64_t>::max(), 4}};
  for (const auto& offsets : wrong) {
    const TemporaryFolder folder;
    Hdf5Writer out;
    out.dataset("/text/bytes", std::array<std::uint8_t, 4>{'a', 'b', 'c', 'd'}, note);
    out.dataset("/text/offsets", offsets, note);
    out.publish(folder / "a.h5");
    EXPECT_THAT([&] { std::ignore = Hdf5Reader(folder / "a.h5").text("/text"); },
                ThrowsMessage<DataError>(AllOf(HasSubstr("a.h5"), HasSubstr("offsets of /text"))));
  }
}

TEST(Hdf5Reader, NamesTheRowThatIsNotUtf8) {
  const TemporaryFolder folder;
  Hdf5Writer out;
  out.dataset("/text/bytes", std::array<std::uint8_t, 2>{0xc3, 0xa9}, note);
  out.dataset("/text/offsets", std::array<std::int64_t, 3>{0, 1, 2}, note);
  out.publish(folder / "a.h5");
  EXPECT_THAT([&] { std::ignore = Hdf5Reader(folder / "a.h5").text("/text"); },
              ThrowsMessage<DataError>(HasSubstr("/text, row 0")));
}

TEST(Hdf5Reader, NoticesEveryFlippedBitByTheHashOfTheManifest) {
  const TemporaryFolder folder;
  const FileInfo info = write_example(folder / "a.h5");
  const std::string content = read_all(folder / "a.h5");
  for (std::size_t bit = 3; bit < content.size() * 8; bit += 307) {
    std::string damaged = content;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    std::ignore = folder.write("a.h5", damaged);
    EXPECT_THAT([&] { const Hdf5Reader in(folder / "a.h5", info); },
                ThrowsMessage<DataError>(AllOf(HasSubstr("a.h5"), HasSubstr("Delete the folder"))))
        << "bit " << bit;
  }
}

TEST(Hdf5Reader, NoticesEveryTruncationByTheHashOfTheManifest) {
  const TemporaryFolder folder;
  const FileInfo info = write_example(folder / "a.h5");
  for (std::uint64_t size = info.bytes; size-- > 0;) {
    std::filesystem::resize_file(folder / "a.h5", size);
    EXPECT_THROW({ const Hdf5Reader in(folder / "a.h5", info); }, DataError) << size;
  }
}

/// Reads a damaged example without a manifest: it is refused, or nothing in it has changed.
bool is_refused(const std::string& path) {
  try {
    expect_example(Hdf5Reader(path));
    return false;
  } catch (const DataError&) {
    return true;
  }
}

TEST(Hdf5Reader, NoticesEveryFlippedBitThatMattersByItsChecksum) {
  const TemporaryFolder folder;
  write_example(folder / "a.h5");
  const std::string content = read_all(folder / "a.h5");
  for (std::size_t bit = 5; bit < content.size() * 8; bit += 311) {
    std::string damaged = content;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    std::ignore = folder.write("a.h5", damaged);
    // A flip in the magic of the checksum only means that it is not looked at.
    const bool is_magic = bit / 8 >= content.size() - 24 && bit / 8 < content.size() - 16;
    EXPECT_NE(is_refused(folder / "a.h5"), is_magic) << "bit " << bit;
  }
}

TEST(Hdf5Reader, NoticesEveryTruncationThatMattersWithoutAManifest) {
  const TemporaryFolder folder;
  const FileInfo info = write_example(folder / "a.h5");
  for (std::uint64_t size = info.bytes; size-- > 0;) {
    std::filesystem::resize_file(folder / "a.h5", size);
    // Within the checksum at the end the content is still whole.
    EXPECT_EQ(is_refused(folder / "a.h5"), size < info.bytes - 24) << size;
  }
}

}  // namespace
}  // namespace westofn::io
