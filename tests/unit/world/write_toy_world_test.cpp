// SPDX-License-Identifier: Apache-2.0
// The files of the toy world.
#include "world/write_toy_world.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "config/config.h"
#include "support/temporary_folder.h"
#include "util/error.h"

namespace westofn::world {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;
using Json = nlohmann::ordered_json;

ToyWorldSettings small_world() {
  return {.seed = 3,
          .demonstrations = 5,
          .labelled_pairs = 4,
          .other_pairs = 3,
          .validation_pairs = 2,
          .test_pairs = 2,
          .judge_pairs = 0,
          .unlabelled_prompts = 3,
          .test_prompts = 2,
          .beta = 2.5};
}

std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.push_back(entry.path().filename());
  return names;
}

std::vector<Json> rows_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<Json> rows;
  for (std::string line; std::getline(file, line);) rows.push_back(Json::parse(line));
  return rows;
}

std::vector<std::string> keys_of(const Json& row) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : row.items()) keys.push_back(key);
  return keys;
}

TEST(WriteToyWorld, WritesAFileForEachPartThatIsNotEmpty) {
  const testing::TemporaryFolder folder;
  write_toy_world(small_world(), folder / "toy");
  EXPECT_THAT(names_in(folder.path() / "toy"),
              UnorderedElementsAre("demonstrations.jsonl", "pairs-labelled.jsonl", "pairs-other.jsonl",
                                   "pairs-validation.jsonl", "pairs-test.jsonl", "prompts-unlabelled.jsonl",
                                   "prompts-test.jsonl", "world.yaml"));
}

TEST(WriteToyWorld, WritesRowsThatOthersRead) {
  const testing::TemporaryFolder folder;
  write_toy_world(small_world(), folder.path().string());
  const auto pairs = rows_of(folder / "pairs-labelled.jsonl");
  ASSERT_EQ(pairs.size(), 4U);
  EXPECT_THAT(keys_of(pairs[1]), ElementsAre("id", "prompt", "chosen", "rejected", "confidence"));
  const HumanPair pair = make_pair(small_world(), ToyPart::labelled, 1);
  EXPECT_EQ(pairs[1]["id"], "labelled-000001");
  EXPECT_EQ(pairs[1]["prompt"], pair.prompt);
  EXPECT_EQ(pairs[1]["chosen"], pair.chosen);
  EXPECT_EQ(pairs[1]["rejected"], pair.rejected);
  EXPECT_EQ(pairs[1]["confidence"].get<double>(), pair.confidence);
  const auto demonstrations = rows_of(folder / "demonstrations.jsonl");
  ASSERT_EQ(demonstrations.size(), 5U);
  EXPECT_THAT(keys_of(demonstrations[0]), ElementsAre("id", "prompt", "response"));
  EXPECT_EQ(demonstrations[4]["response"], make_demonstration(small_world(), 4).response);
  const auto prompts = rows_of(folder / "prompts-test.jsonl");
  ASSERT_EQ(prompts.size(), 2U);
  EXPECT_THAT(keys_of(prompts[0]), ElementsAre("id", "prompt"));
  EXPECT_EQ(prompts[1]["prompt"], make_prompt(small_world(), ToyPart::test_prompts, 1).text);
}

TEST(WriteToyWorld, KeepsItsSettings) {
  const testing::TemporaryFolder folder;
  write_toy_world(small_world(), folder / "toy");
  EXPECT_EQ(config::read<ToyWorldSettings>(config::load_document(folder / "toy/world.yaml")), small_world());
}

TEST(WriteToyWorld, GivesTheSameBytesForTheSameSettings) {
  const testing::TemporaryFolder folder;
  write_toy_world(small_world(), folder / "a");
  write_toy_world(small_world(), folder / "b");
  for (const std::string& name : names_in(folder.path() / "a")) {
    EXPECT_EQ(testing::read_all(folder.path() / "a" / name), testing::read_all(folder.path() / "b" / name)) << name;
  }
}

TEST(WriteToyWorld, KeepsTheFirstRowsWhenAPartGrows) {
  const testing::TemporaryFolder folder;
  ToyWorldSettings larger = small_world();
  larger.test_pairs = 4;
  write_toy_world(small_world(), folder / "a");
  write_toy_world(larger, folder / "b");
  EXPECT_THAT(testing::read_all(folder / "b/pairs-test.jsonl"),
              ::testing::StartsWith(testing::read_all(folder / "a/pairs-test.jsonl")));
}

TEST(WriteToyWorld, NamesTheFilesThatItMakes) {
  const testing::TemporaryFolder folder;
  write_toy_world(small_world(), folder / "toy");
  EXPECT_THAT(toy_world_files(small_world()), ::testing::UnorderedElementsAreArray(names_in(folder.path() / "toy")));
}

TEST(MakeNewFolder, LeavesAUsedFolderAlone) {
  const testing::TemporaryFolder folder;
  (void)folder.write("mine.txt", "precious");
  try {
    make_new_folder(folder.path().string());
    FAIL() << "no error";
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), HasSubstr("is not empty; choose another folder"));
  }
  EXPECT_THAT(names_in(folder.path()), ElementsAre("mine.txt"));
}

}  // namespace
}  // namespace westofn::world
