// SPDX-License-Identifier: Apache-2.0
#include "io/record_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <tuple>

#include "io/hdf5.h"
#include "support/temporary_folder.h"
#include "util/error.h"

namespace westofn::io {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::TemporaryFolder;
using ::testing::ThrowsMessage;

std::vector<HumanPair> example_pairs() {
  return {{"1", "g", "a prompt\n", "good", "bad", 3.5, Split::train, true, "pairs.jsonl", 1},
          {"2", "", "", "", "r\xC3\xA9", std::nan(""), Split::judge, false, "other.jsonl", 4'000'000'000}};
}

TEST(RecordFile, RoundTripsPairs) {
  const TemporaryFolder folder;
  const auto pairs = example_pairs();
  const FileInfo info = write_pairs(folder / "pairs.h5", pairs);
  const auto read = read_pairs(folder / "pairs.h5", info);
  ASSERT_EQ(read.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(read[i].id, pairs[i].id);
    EXPECT_EQ(read[i].group, pairs[i].group);
    EXPECT_EQ(read[i].prompt, pairs[i].prompt);
    EXPECT_EQ(read[i].chosen, pairs[i].chosen);
    EXPECT_EQ(read[i].rejected, pairs[i].rejected);
    EXPECT_EQ(read[i].split, pairs[i].split);
    EXPECT_EQ(read[i].labelled_half, pairs[i].labelled_half);
    EXPECT_EQ(read[i].source, pairs[i].source);
    EXPECT_EQ(read[i].line, pairs[i].line);
  }
  EXPECT_EQ(read[0].confidence, 3.5);
  EXPECT_TRUE(std::isnan(read[1].confidence));
}

TEST(RecordFile, RoundTripsPrompts) {
  const TemporaryFolder folder;
  const std::vector<Prompt> prompts = {{"1", "g", "text", PromptSet::test, "p.jsonl", 7},
                                       {"2", "h", "more", PromptSet::unlabelled, "p.jsonl", 9}};
  write_prompts(folder / "prompts.h5", prompts);
  const auto read = read_prompts(folder / "prompts.h5");
  ASSERT_EQ(read.size(), 2U);
  EXPECT_EQ(read[0].id, "1");
  EXPECT_EQ(read[0].group, "g");
  EXPECT_EQ(read[1].text, "more");
  EXPECT_EQ(read[0].set, PromptSet::test);
  EXPECT_EQ(read[1].set, PromptSet::unlabelled);
  EXPECT_EQ(read[1].source, "p.jsonl");
  EXPECT_EQ(read[1].line, 9);
}

TEST(RecordFile, RoundTripsDemonstrations) {
  const TemporaryFolder folder;
  const std::vector<Demonstration> demonstrations = {{"1", "g", "prompt", "response", "d.jsonl", 3}};
  write_demonstrations(folder / "d.h5", demonstrations);
  const auto read = read_demonstrations(folder / "d.h5");
  ASSERT_EQ(read.size(), 1U);
  EXPECT_EQ(read[0].id, "1");
  EXPECT_EQ(read[0].group, "g");
  EXPECT_EQ(read[0].prompt, "prompt");
  EXPECT_EQ(read[0].response, "response");
  EXPECT_EQ(read[0].source, "d.jsonl");
  EXPECT_EQ(read[0].line, 3);
}

TEST(RecordFile, MayBeEmpty) {
  const TemporaryFolder folder;
  write_pairs(folder / "pairs.h5", {});
  EXPECT_TRUE(read_pairs(folder / "pairs.h5").empty());
}

TEST(RecordFile, DescribesEveryDataset) {
  const TemporaryFolder folder;
  write_pairs(folder / "pairs.h5", example_pairs());
  const Hdf5Reader in(folder / "pairs.h5");
  for (const auto& dataset : in.list()) {
    EXPECT_FALSE(dataset.note.description.empty()) << dataset.path;
    EXPECT_FALSE(dataset.note.units.empty()) << dataset.path;
  }
  EXPECT_EQ(in.attribute_as<std::string>("/split", "names"), "train, validation, test, judge");
}

TEST(RecordFile, RefusesAnotherKindOfRecord) {
  const TemporaryFolder folder;
  write_prompts(folder / "prompts.h5", {});
  EXPECT_THAT([&] { std::ignore = read_pairs(folder / "prompts.h5"); },
              ThrowsMessage<DataError>(
                  AllOf(HasSubstr("prompts.h5"), HasSubstr("'westofn/prompts', expected 'westofn/pairs'"))));
}

/// A file of prompts by hand, as another version of the program might write it.
struct Draft {
  std::vector<std::int64_t> version = {1, 0};
  std::vector<std::uint8_t> sets = {0, 2};
  std::vector<std::int64_t> lines = {1, 2};

  std::string write(const TemporaryFolder& folder) const {
    const std::vector<std::string> words = {"a", "b"};
    const FieldNote note = {"a field", "1"};
    Hdf5Writer out;
    out.attribute("/", "filetype", "westofn/prompts");
    out.attribute("/", "version", version);
    for (const char* path : {"/id", "/group", "/prompt", "/source"}) out.text(path, words, note);
    out.dataset("/set", sets, note);
    out.dataset("/line", lines, note);
    out.publish(folder / "prompts.h5");
    return folder / "prompts.h5";
  }
};

TEST(RecordFile, ReadsNewerMinorVersionsOnly) {
  const TemporaryFolder folder;
  EXPECT_EQ(read_prompts(Draft{.version = {1, 7}}.write(folder)).size(), 2U);
  for (const auto& version : std::vector<std::vector<std::int64_t>>{{2, 0}, {0, 9}, {1}, {1, 0, 0}}) {
    EXPECT_THAT([&] { std::ignore = read_prompts(Draft{.version = version}.write(folder)); },
                ThrowsMessage<DataError>(AllOf(HasSubstr("prompts.h5"), HasSubstr("version"))));
  }
}

TEST(RecordFile, NamesTheFieldWithAnotherNumberOfRows) {
  const TemporaryFolder folder;
  EXPECT_THAT(
      [&] {
        std::ignore = read_prompts(Draft{.lines = {1, 2, 3}}.write(folder));
      },
      ThrowsMessage<DataError>(HasSubstr("/line has 3 rows, /id has 2")));
}

TEST(RecordFile, NamesTheRowWithAnUnknownName) {
  const TemporaryFolder folder;
  EXPECT_THAT(
      [&] {
        std::ignore = read_prompts(Draft{.sets = {2, 3}}.write(folder));
      },
      ThrowsMessage<DataError>(HasSubstr("/set, row 1: is 3, the last is 2")));
}

}  // namespace
}  // namespace westofn::io
