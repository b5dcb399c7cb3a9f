// SPDX-License-Identifier: Apache-2.0
#include "chain/estimate/data_size.h"

#include <gmock/gmock.h>

#include "config/config.h"
#include "support/temporary_folder.h"
#include "util/error.h"

namespace westofn::chain {
namespace {

using ::testing::HasSubstr;

Experiment read(const std::string& data) {
  return config::read<Experiment>(config::Document(
      "name: x\ndata: " + data + "\npolicy: {model: " + TOY_BASE_MODEL + ", max_input_tokens: 100}\n", "x.yaml"));
}

/// Pairs of so many groups, one each; the prompts have 3 words, the responses 1.
std::string pairs(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    const std::string n = std::to_string(i);
    text += "{\"prompt\": \"ask me " + n + "\", \"chosen\": \"yes" + n + "\", \"rejected\": \"no" + n + "\"}\n";
  }
  return text;
}

TEST(DataSize, IsThatOfTheSettingsOfAWorld) {
  const DataSize size =
      measure_data(read("{world: {unlabelled_prompts: 70, labelled_pairs: 30, other_pairs: 20}}"), "no/such/run", {});
  EXPECT_EQ(size.unlabelled_prompts, 70);
  EXPECT_EQ(size.labelled_pairs, 30);
  EXPECT_EQ(size.training_pairs, 50);
  EXPECT_EQ(size.validation_prompts, 1500);
  EXPECT_GT(size.prompt_tokens, 10);
  EXPECT_LT(size.prompt_tokens, 100);
  EXPECT_THAT(size.lengths_from, HasSubstr("tokenised"));
}

TEST(DataSize, CountsTheRowsOfFilesAsPrepareDoes) {
  const testing::TemporaryFolder folder;
  const std::string path = folder.write("p.jsonl", pairs(200) + pairs(1));
  const DataSize size = measure_data(read("{pairs: [{path: " + path + ", split: train}]}"), "no/such/run", {});
  EXPECT_EQ(size.training_pairs, 200) << "the row that stands twice is dropped";
  EXPECT_GT(size.labelled_pairs, 60);
  EXPECT_LT(size.labelled_pairs, 140);
  EXPECT_EQ(size.unlabelled_prompts, 200 - size.labelled_pairs) << "the other half lends its prompts";
  EXPECT_EQ(size.demonstrations, size.labelled_pairs);
}

TEST(DataSize, TakesWhatIsGivenInPlaceOfFiles) {
  GivenSize given;
  given.prompts = 1000;
  given.pairs = 200;
  given.prompt_tokens = 30;
  const DataSize size = measure_data(read("{pairs: [{path: none.jsonl}]}"), "", given);
  EXPECT_EQ(size.unlabelled_prompts, 1000);
  EXPECT_EQ(size.training_pairs, 160);
  EXPECT_EQ(size.labelled_pairs, 80);
  EXPECT_EQ(size.test_prompts, 20);
  EXPECT_EQ(size.prompt_tokens, 30);
  EXPECT_EQ(size.response_tokens, 128) << "the limit";
  EXPECT_THAT(size.lengths_from, HasSubstr("upper bound"));
}

TEST(DataSize, AsksForNumbersWhereFilesCannotBeCounted) {
  GivenSize given;
  given.prompts = 1000;
  try {
    (void)measure_data(read("{pairs: [{path: none.jsonl}]}"), "", given);
    FAIL() << "the number of pairs cannot be known";
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), HasSubstr("--pairs"));
  }
}

}  // namespace
}  // namespace westofn::chain
