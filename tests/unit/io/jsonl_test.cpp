// SPDX-License-Identifier: Apache-2.0
// Lines of JSONL files, plain and compressed, and rows written so that they come back.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "io/jsonl_reader.h"
#include "io/jsonl_writer.h"
#include "support/expect_error.h"
#include "support/gzip.h"
#include "support/temporary_folder.h"

namespace westofn::io {
namespace {

using testing::expect_data_error;
using testing::gzip;
using testing::TemporaryFolder;

struct OwnedLine {
  std::int64_t number;
  std::string text;
  bool operator==(const OwnedLine&) const = default;
};

std::vector<OwnedLine> read_lines(const std::string& path) {
  JsonlReader reader(path);
  std::vector<OwnedLine> lines;
  while (const auto line = reader.next())
    lines.push_back({line->number, line->too_long ? "TOO LONG" : std::string(line->text)});
  return lines;
}

const std::vector<OwnedLine> two_lines = {{1, "{}"}, {2, "[1]"}};

TEST(JsonlReader, TakesEveryUsualWayToEndALine) {
  const TemporaryFolder folder;
  EXPECT_EQ(read_lines(folder.write("a", "{}\n[1]\n")), two_lines);
  EXPECT_EQ(read_lines(folder.write("b", "{}\n[1]")), two_lines);
  EXPECT_EQ(read_lines(folder.write("c", "{}\r\n[1]\r\n")), two_lines);
  EXPECT_EQ(read_lines(folder.write("d", "\xEF\xBB\xBF{}\n[1]")), two_lines);
}

TEST(JsonlReader, CountsBlankLinesButSkipsThem) {
  const TemporaryFolder folder;
  const std::vector<OwnedLine> expected = {{3, "{}"}, {5, "[1]"}};
  EXPECT_EQ(read_lines(folder.write("a", "\n \t\r\n{}\n\n[1]\n\n")), expected);
}

TEST(JsonlReader, FindsNoLineInAnEmptyFile) {
  const TemporaryFolder folder;
  EXPECT_TRUE(read_lines(folder.write("a", "")).empty());
  EXPECT_TRUE(read_lines(folder.write("b", "\n\n")).empty());
  EXPECT_TRUE(read_lines(folder.write("c", gzip(""))).empty());
}

TEST(JsonlReader, StaysAtTheEnd) {
  const TemporaryFolder folder;
  JsonlReader reader(folder.write("a", "{}"));
  EXPECT_TRUE(reader.next());
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(reader.next());
}

TEST(JsonlReader, ReadsLinesThatCrossChunks) {
  const TemporaryFolder folder;
  std::string content;
  std::vector<OwnedLine> expected;
  for (std::int64_t i = 1; i <= 40; ++i) {
    const std::string text(static_cast<std::size_t>(i * 1999), static_cast<char>('a' + i % 26));
    content += text + "\n";
    expected.push_back({i, text});
  }
  EXPECT_EQ(read_lines(folder.write("plain", content)), expected);
  EXPECT_EQ(read_lines(folder.write("compressed", gzip(content))), expected);
}

TEST(JsonlReader, ReadsGzipOfSeveralMembersUnderAnyName) {
  const TemporaryFolder folder;
  EXPECT_EQ(read_lines(folder.write("a.jsonl", gzip("{}") + gzip("") + gzip("\n[1]"))), two_lines);
}

TEST(JsonlReader, ReportsEveryCutOfACompressedFile) {
  const TemporaryFolder folder;
  const std::string whole = gzip("{\"a\": \"some text, some text\"}\n{}\n");
  for (std::size_t length = 2; length < whole.size(); ++length) {
    const std::string path = folder.write("cut.gz", whole.substr(0, length));
    expect_data_error([&] { (void)read_lines(path); }, path + ": the compressed data are cut off");
  }
}

TEST(JsonlReader, NeverGivesOtherLinesWhenABitFlips) {
  const TemporaryFolder folder;
  const std::string whole = gzip("{}\n") + gzip("[1]\n");
  int refused = 0;
  for (std::size_t bit = 16; bit < whole.size() * 8; ++bit) {  // without the first two bytes it is no gzip file
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    try {
      // Some bits mean nothing: the time in the header, the padding after the last block.
      EXPECT_EQ(read_lines(folder.write("flipped.gz", damaged)), two_lines) << "bit " << bit;
    } catch (const DataError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 200);
}

TEST(JsonlReader, MarksLinesAboveTheLimitAndGoesOn) {
  const TemporaryFolder folder;
  const std::string longest(jsonl_line_limit, 'x');
  const auto lines = read_lines(folder.write("a", longest + "\r\n" + longest + "y\n" + longest + longest + "\n{}"));
  ASSERT_EQ(lines.size(), 4);
  EXPECT_EQ(lines[0].text.size(), jsonl_line_limit);
  EXPECT_EQ(lines[1].text, "TOO LONG");
  EXPECT_EQ(lines[2].text, "TOO LONG");
  EXPECT_EQ(lines[3], (OwnedLine{4, "{}"}));
}

TEST(JsonlReader, SaysWhatIsWrongWithAPath) {
  const TemporaryFolder folder;
  expect_data_error([&] { JsonlReader reader(folder / "none.jsonl"); }, folder / "none.jsonl");
  expect_data_error([&] { JsonlReader reader(folder.path().string()); }, folder.path().string());
}

TEST(UseRow, GivesRowsToTheCallerAndCountsWhatItSkips) {
  const TemporaryFolder folder;
  std::string content = "{\"n\": 1}\n{\"n\": \"x\"}\n{}}\n";
  for (int i = 0; i < 10; ++i) content += "broken\n";
  JsonlReader reader(folder.write("a", content + "{\"n\": 2}\n"));
  SkippedRecords skipped;
  std::int64_t sum = 0;
  int used = 0;
  while (const auto line = reader.next()) {
    used += use_row(*line, reader.path(), OnBadRecord::skip, skipped,
                    [&](const JsonValue& row) { sum += row.field("n").integer(); });
  }
  EXPECT_EQ(sum, 3);
  EXPECT_EQ(used, 2);
  EXPECT_EQ(skipped.count, 12);
  ASSERT_EQ(skipped.first.size(), SkippedRecords::reported);
  EXPECT_EQ(skipped.first[0].line, 2);
  EXPECT_THAT(skipped.first[0].reason, ::testing::HasSubstr(":2: field 'n': expected an integer"));
  EXPECT_EQ(skipped.first[1].line, 3);
}

TEST(UseRow, StopsAtTheFirstBadRowIfAskedTo) {
  SkippedRecords skipped;
  const auto ignore = [](const JsonValue&) {};
  expect_data_error(
      [&] {
        use_row({9, "[]"}, "a.jsonl", OnBadRecord::fail, skipped, ignore);
      },
      "a.jsonl:9: expected a JSON object");
  expect_data_error(
      [&] {
        use_row({9, "", true}, "a.jsonl", OnBadRecord::fail, skipped, ignore);
      },
      "a.jsonl:9: the line is longer than 16.0 MiB");
  EXPECT_EQ(skipped.count, 0);
}

TEST(UseRow, NeverSkipsAnErrorThatIsNotInTheData) {
  SkippedRecords skipped;
  const auto fail = [](const JsonValue&) { throw IoError("disk"); };
  EXPECT_THROW(use_row({1, "{}"}, "a.jsonl", OnBadRecord::skip, skipped, fail), IoError);
}

TEST(JsonlWriter, KeepsTheOrderOfKeysAndUtf8) {
  const TemporaryFolder folder;
  JsonlWriter writer(folder / "out.jsonl");
  writer.write({{"z", "é😀\n\"\x01"}, {"a", nullptr}, {"list", {1, true}}});
  writer.write(nlohmann::ordered_json::object());
  const FileInfo info = writer.commit();
  EXPECT_EQ(testing::read_all(folder / "out.jsonl"), "{\"z\":\"é😀\\n\\\"\\u0001\",\"a\":null,\"list\":[1,true]}\n{}\n");
  EXPECT_EQ(info.bytes, testing::read_all(folder / "out.jsonl").size());
}

TEST(JsonlWriter, WritesFloatsThatComeBackExactly) {
  const TemporaryFolder folder;
  std::vector<double> numbers = {
      0.1, -0.0, 1.0 / 3.0, 5e-324, 1.7976931348623157e308, -123456789.125, 1e22, 0.30000000000000004};
  for (int i = 0; i < 1000; ++i) numbers.push_back(std::ldexp(std::sin(i), i % 200 - 100));
  JsonlWriter writer(folder / "out.jsonl");
  for (const double x : numbers) writer.write({{"x", x}});
  writer.commit();
  JsonlReader reader(folder / "out.jsonl");
  for (const double x : numbers) {
    const double back = parse_row(*reader.next(), reader.path())["x"].get<double>();
    EXPECT_EQ(back, x);
    EXPECT_EQ(std::signbit(back), std::signbit(x));
  }
}

TEST(JsonlWriter, RefusesWhatJsonCannotHold) {
  const TemporaryFolder folder;
  JsonlWriter writer(folder / "out.jsonl");
  writer.write({{"x", 1}});
  const double infinity = std::numeric_limits<double>::infinity();
  expect_data_error(
      [&] {
        writer.write({{"x", {{"y", std::nan("")}}}});
      },
      "out.jsonl:2: a number to be written is NaN");
  expect_data_error([&] { writer.write({{"x", {1.0, -infinity}}}); }, "out.jsonl:2: a number");
  expect_data_error([&] { writer.write({{"x", "a\xff"}}); }, "out.jsonl:2: a text to be written is not valid UTF-8");
}

TEST(JsonlWriter, LeavesNoFileWithoutCommit) {
  const TemporaryFolder folder;
  { JsonlWriter(folder / "out.jsonl").write({{"x", 1}}); }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace westofn::io
