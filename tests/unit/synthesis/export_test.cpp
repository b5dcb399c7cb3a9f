// SPDX-License-Identifier: Apache-2.0
// What `westofn export` writes of a recipe and of its mixture, and the lineage of every row.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "comm/single_communicator.h"
#include "io/jsonl_reader.h"
#include "io/mixture_file.h"
#include "io/synthetic_pair_file.h"
#include "recipe_world.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"
#include "synthesis/export_pairs.h"
#include "synthesis/lineage.h"

namespace westofn::synthesis {
namespace {

namespace fs = std::filesystem;
using testing::RecipeWorld;
using westofn::testing::expect_data_error;
using westofn::testing::TemporaryFolder;

std::vector<nlohmann::json> read_rows(const std::string& path) {
  std::vector<nlohmann::json> rows;
  io::JsonlReader reader(path);
  while (const auto line = reader.next()) rows.push_back(io::parse_row(*line, path));
  return rows;
}

/// One recipe for all tests, which only read it. Its human pairs are where a run has them.
class Export : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TemporaryFolder>();
    const RecipeWorld world(folder_->path().string());
    world.write(10);
    comm::SingleCommunicator comm;
    world.make(comm, world.inputs(), "run");
    fs::create_directory_symlink(world.inputs().prepared.folder, folder_->path() / "run/prepare-1");
  }
  static void TearDownTestSuite() { folder_.reset(); }

  static std::string recipe() {
    const RecipeWorld world(folder_->path().string());
    return world.recipe_folder(world.inputs(), "run");
  }
  /// The rows that the export of `pairs` writes.
  static std::vector<nlohmann::json> exported(const std::string& pairs) {
    const TemporaryFolder folder;
    const auto count = export_pairs(pairs, folder / "out.jsonl");
    auto rows = read_rows(folder / "out.jsonl");
    EXPECT_EQ(static_cast<std::int64_t>(rows.size()), count);
    return rows;
  }

  static void expect_lineage(const nlohmann::json& row) {
    EXPECT_EQ(row.at("recipe"), "test");
    EXPECT_EQ(row.at("round"), 1);
    EXPECT_EQ(row.at("policy"), RecipeWorld::policy_key);
    EXPECT_EQ(row.at("preference_model"), RecipeWorld::preference_key);
  }

  static std::unique_ptr<TemporaryFolder> folder_;
};

std::unique_ptr<TemporaryFolder> Export::folder_;

TEST_F(Export, HasTheFormatOfTrlWithExplicitPrompts) {
  for (const auto& path : {recipe(), recipe() + "/mixture.h5"}) {
    const auto rows = exported(path);
    ASSERT_FALSE(rows.empty());
    for (const auto& row : rows) {
      for (const auto* column : {"prompt", "chosen", "rejected"}) EXPECT_TRUE(row.at(column).is_string());
      EXPECT_NE(row.at("chosen"), row.at("rejected"));
    }
  }
}

TEST_F(Export, OfARecipeTellsWhereItsPairsComeFrom) {
  for (const auto& row : exported(recipe())) expect_lineage(row);
  for (const auto& row : exported(recipe() + "/pairs-00000.h5")) expect_lineage(row);
}

TEST_F(Export, OfAMixtureHasItsRowsInTrainingOrder) {
  const auto rows = exported(recipe() + "/mixture.h5");
  const auto mixture = io::read_mixture(recipe() + "/mixture.h5");
  const auto kept = io::read_kept_pairs(recipe());
  const std::vector<std::string> human = {"h0", "h3", "h6", "h9"};
  ASSERT_EQ(rows.size(), mixture.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto number = static_cast<std::size_t>(mixture[i].row);
    if (mixture[i].source == PairSourceKind::human) {
      EXPECT_EQ(rows[i].at("source"), "human");
      EXPECT_EQ(rows[i].at("id"), human.at(number));
      EXPECT_EQ(rows[i].at("prompt"), "p" + human.at(number).substr(1));
      EXPECT_TRUE(rows[i].at("prompt_id").is_null() && rows[i].at("recipe").is_null());
      continue;
    }
    const SyntheticPair& pair = kept.at(number);
    EXPECT_EQ(rows[i].at("source"), "synthetic");
    EXPECT_TRUE(rows[i].at("id").is_null());
    EXPECT_EQ(rows[i].at("prompt_id"), pair.prompt_id);
    EXPECT_EQ(rows[i].at("chosen"), pair.chosen_response);
    EXPECT_EQ(rows[i].at("chosen_sample"), pair.chosen);
    EXPECT_EQ(rows[i].at("rejected_sample"), pair.rejected);
    EXPECT_EQ(rows[i].at("confidence"), pair.confidence);
    expect_lineage(rows[i]);
  }
}

TEST_F(Export, OfAMixtureHasTheSameColumnsInEveryRow) {
  std::set<std::set<std::string>> columns;
  for (const auto& row : exported(recipe() + "/mixture.h5")) {
    std::set<std::string> names;
    for (const auto& [name, value] : row.items()) names.insert(name);
    columns.insert(names);
  }
  EXPECT_EQ(columns.size(), 1U);
}

TEST_F(Export, FindsEverySampleOfTheMixtureAlsoWithoutTheTexts) {
  const auto lineage = io::read_lineage(recipe() + "/mixture.h5");
  const auto kept = io::read_kept_pairs(recipe());
  ASSERT_EQ(lineage.synthetic.size(), kept.size());
  for (std::size_t i = 0; i < kept.size(); ++i) {
    EXPECT_EQ(lineage.synthetic[i].prompt, kept[i].prompt);
    EXPECT_EQ(lineage.synthetic[i].chosen, kept[i].chosen);
    EXPECT_EQ(lineage.synthetic[i].rejected, kept[i].rejected);
  }
  EXPECT_EQ(lineage.recipe, "test");
}

TEST_F(Export, OfAMixtureNeedsTheHumanPairsBesideIt) {
  const TemporaryFolder elsewhere;
  fs::copy(recipe(), elsewhere.path() / "recipe");
  expect_data_error([&] { export_pairs(elsewhere / "recipe/mixture.h5", elsewhere / "out.jsonl"); },
                    "leave the recipe in its run folder");
  EXPECT_FALSE(fs::exists(elsewhere.path() / "out.jsonl"));
  EXPECT_GT(export_pairs(elsewhere / "recipe", elsewhere / "out.jsonl"), 0) << "the synthetic pairs are all there";
}

TEST(CommonLineage, NamesTheModelsAndNotTheStagesBetween) {
  io::Manifest pools;
  pools.inputs = {{"prepare", "1"}, {"sft", "2"}};
  io::Manifest matches;
  matches.inputs = {{"pools", "3"}, {"matches", "4"}, {"preference", "5"}};
  const auto lineage = common_lineage("recipe-west-of-n-0123abcd", pools, matches);
  EXPECT_EQ(lineage.recipe, "west-of-n");
  EXPECT_EQ(lineage.policy, "2");
  EXPECT_EQ(lineage.preference_model, "5");
  EXPECT_EQ(lineage.round, 1);
  EXPECT_EQ(common_lineage("recipe-x-0123abcd", {}, {}).policy, "");
}

}  // namespace
}  // namespace westofn::synthesis
