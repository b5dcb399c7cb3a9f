// SPDX-License-Identifier: Apache-2.0
#include "dataset/prepared.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "support/temporary_folder.h"
#include "unit/dataset/prepare_folder.h"

namespace westofn::dataset {
namespace {

using ::testing::ElementsAre;
using testing::human_pair;

template <class Record>
std::vector<std::string> ids(const std::vector<Record>& records) {
  std::vector<std::string> all;
  for (const auto& record : records) all.push_back(record.id);
  return all;
}

class Prepared : public ::testing::Test {
 protected:
  Prepared() : prepare_(folder_ / "prepare") {
    const std::vector<HumanPair> first = {human_pair("a", Split::train, true), human_pair("b", Split::validation),
                                          human_pair("c", Split::train, false)};
    const std::vector<HumanPair> second = {human_pair("d", Split::test), human_pair("e", Split::train, true),
                                           human_pair("f", Split::judge)};
    const std::vector<Demonstration> demonstrations = {{"x", "g", "prompt", "response", "", 0}};
    testing::write_prepare_folder(prepare_, first, second, demonstrations);
  }

  testing::TemporaryFolder folder_;
  std::string prepare_;
};

TEST_F(Prepared, GivesTheLabelledHalfOrAllTrainingPairsInOrder) {
  EXPECT_THAT(ids(read_human_pairs(prepare_, {Split::train, HumanSet::hf50})), ElementsAre("a", "e"));
  EXPECT_THAT(ids(read_human_pairs(prepare_, {Split::train, HumanSet::hf100})), ElementsAre("a", "c", "e"));
  EXPECT_THAT(ids(read_human_pairs(prepare_, {Split::train, HumanSet::none})), ElementsAre());
}

TEST_F(Prepared, KeepsTheSplitsApart) {
  EXPECT_THAT(ids(read_human_pairs(prepare_, {Split::validation})), ElementsAre("b"));
  EXPECT_THAT(ids(read_human_pairs(prepare_, {Split::test})), ElementsAre("d"));
  EXPECT_THAT(ids(read_human_pairs(prepare_, {Split::judge})), ElementsAre("f"));
}

TEST_F(Prepared, GivesDemonstrations) { EXPECT_THAT(ids(read_demonstrations(prepare_)), ElementsAre("x")); }

TEST_F(Prepared, GivesThePromptsOfASet) {
  const std::string folder = folder_ / "prompts";
  io::make_folder_durable(folder);
  const std::vector<Prompt> prompts = {{"1", "g", "one", PromptSet::unlabelled, "", 1},
                                       {"2", "g", "two", PromptSet::test, "", 2},
                                       {"3", "g", "three", PromptSet::unlabelled, "", 3}};
  const io::FileInfo file = io::write_prompts(folder + "/prompts-00000.h5", prompts);
  io::write_manifest(folder, testing::manifest_of("prepare", {file}));
  EXPECT_THAT(ids(read_prompts(folder, PromptSet::unlabelled)), ElementsAre("1", "3"));
  EXPECT_THAT(ids(read_prompts(folder, PromptSet::validation)), ElementsAre());
}

TEST_F(Prepared, RefusesAFileThatWasReplaced) {
  io::write_pairs(prepare_ + "/pairs-00001.h5", std::vector<HumanPair>{human_pair("z", Split::train, true)});
  testing::expect_data_error([&] { (void)read_human_pairs(prepare_, {}); }, "pairs-00001.h5");
}

TEST_F(Prepared, RefusesAFolderThatIsNotFinished) {
  testing::expect_data_error([&] { (void)read_human_pairs(folder_ / "nothing", {}); }, "nothing");
}

}  // namespace
}  // namespace westofn::dataset
