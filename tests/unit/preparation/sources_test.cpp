// SPDX-License-Identifier: Apache-2.0
#include "preparation/sources.h"

#include <gtest/gtest.h>

#include "util/error.h"

namespace westofn::preparation {
namespace {

class ReadRow : public ::testing::Test {
 protected:
  Row read(const std::string& text) { return read_row(sources_, 0, {12, text}, on_bad_, skipped_); }

  std::vector<Source> sources_ = {{RowKind::pair, "in/p.jsonl", "p.jsonl"}};
  io::OnBadRecord on_bad_ = io::OnBadRecord::fail;
  io::SkippedRecords skipped_;
};

TEST_F(ReadRow, AnIdIsTheGivenOneOrTheHashOfTheTexts) {
  const Row given = read(R"({"id": 5, "prompt": "p", "chosen": "c", "rejected": "r"})");
  EXPECT_EQ(std::get<HumanPair>(given.record).id, "5");
  const Row hashed = read(R"({"prompt": "p", "chosen": "c", "rejected": "r"})");
  EXPECT_EQ(std::get<HumanPair>(hashed.record).id, to_hex(hash_fields({"p", "c", "r"})));
  EXPECT_EQ(given.key.content, hashed.key.content) << "the id is not part of the content";
  sources_[0].kind = RowKind::prompt;
  EXPECT_EQ(std::get<Prompt>(read(R"({"prompt": "p"})").record).id, to_hex(hash128("p")));
}

TEST_F(ReadRow, KnowsFileAndLine) {
  const Row row = read(R"({"prompt": "p", "chosen": "c", "rejected": "r"})");
  EXPECT_EQ(std::get<HumanPair>(row.record).source, "p.jsonl");
  EXPECT_EQ(std::get<HumanPair>(row.record).line, 12);
  EXPECT_EQ(row.key.line, 12);
}

TEST_F(ReadRow, SplitComesFromTheFileOrTheRowAsTheSettingsSay) {
  const std::string text = R"({"prompt": "p", "chosen": "c", "rejected": "r", "split": "validation"})";
  const std::string without = R"({"prompt": "p", "chosen": "c", "rejected": "r"})";
  for (const SplitChoice choice : {SplitChoice::by_group, SplitChoice::given}) {
    sources_[0].split = choice;
    EXPECT_EQ(read(text).key.given, 1 + static_cast<int>(Split::validation));
  }
  sources_[0].split = SplitChoice::by_group;
  EXPECT_EQ(read(without).key.given, 0) << "left to the hash of the group";
  sources_[0].split = SplitChoice::given;
  EXPECT_THROW(read(without), DataError) << "no split in the row";
  sources_[0].split = SplitChoice::test;
  EXPECT_EQ(read(text).key.given, 1 + static_cast<int>(Split::test));
}

TEST_F(ReadRow, HalfComesFromTheFileOrTheRow) {
  const std::string text = R"({"prompt": "p", "chosen": "c", "rejected": "r", "half": "unlabelled"})";
  EXPECT_EQ(read(text).key.given_half, 2);
  sources_[0].half = HalfChoice::labelled;
  EXPECT_EQ(read(text).key.given_half, 1);
}

TEST_F(ReadRow, ABadRowFailsOrIsCounted) {
  EXPECT_THROW(read("{"), DataError);
  on_bad_ = io::OnBadRecord::skip;
  EXPECT_EQ(read("{").key.outcome, Outcome::bad_record);
  EXPECT_EQ(read(R"({"prompt": "p", "chosen": 3, "rejected": "r"})").key.outcome, Outcome::bad_record);
  EXPECT_EQ(skipped_.count, 2);
}

TEST_F(ReadRow, EqualResponsesAndEmptyPromptsAreDropped) {
  EXPECT_EQ(read(R"({"prompt": "p", "chosen": "c", "rejected": "c"})").key.outcome, Outcome::equal_responses);
  sources_[0].kind = RowKind::prompt;
  EXPECT_EQ(read(R"({"prompt": ""})").key.outcome, Outcome::empty_prompt);
}

TEST(Sources, StandInTheOrderPairsPromptsDemonstrationsWithUniqueNames) {
  DataSettings settings;
  settings.demonstrations = {{"x/d.jsonl"}};
  settings.prompts = {{"x/p.jsonl", PromptSet::test}};
  settings.pairs = {{.path = "x/a.jsonl"}, {.path = "y/a.jsonl"}};
  std::vector<std::string> names;
  for (const auto& source : list_sources(settings)) names.push_back(source.name);
  EXPECT_EQ(names, (std::vector<std::string>{"a.jsonl", "a.jsonl#2", "p.jsonl", "d.jsonl"}));
}

}  // namespace
}  // namespace westofn::preparation
