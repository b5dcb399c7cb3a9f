// SPDX-License-Identifier: Apache-2.0
#include "synthesis/recipe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "comm/single_communicator.h"
#include "io/hdf5.h"
#include "io/jsonl_reader.h"
#include "io/mixture_file.h"
#include "io/synthetic_pair_file.h"
#include "recipe_world.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"
#include "synthesis/export_pairs.h"

namespace westofn::synthesis {
namespace {

using ::testing::ElementsAre;
using testing::RecipeWorld;
using westofn::testing::expect_data_error;
using westofn::testing::read_all;
using westofn::testing::TemporaryFolder;

constexpr std::int64_t file_count = 66;  // more than one pairs file
constexpr std::int64_t prompt_count = file_count * RecipeWorld::prompts_per_file;

/// One world for all tests, which only read it.
class Recipe : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TemporaryFolder>();
    world().write(file_count);
  }
  static void TearDownTestSuite() { folder_.reset(); }
  static RecipeWorld world() { return RecipeWorld(folder_->path().string()); }

  static io::Manifest make(const RecipeInputs& inputs, const std::string& run = "run") {
    comm::SingleCommunicator comm;
    return world().make(comm, inputs, run);
  }
  static std::vector<SyntheticPair> pairs_of(const RecipeInputs& inputs) {
    std::vector<SyntheticPair> all;
    for (const auto* name : {"/pairs-00000.h5", "/pairs-00001.h5"}) {
      for (auto& pair : io::read_synthetic_pairs(world().recipe_folder(inputs, "run") + name)) all.push_back(pair);
    }
    return all;
  }

  static std::unique_ptr<TemporaryFolder> folder_;
};

std::unique_ptr<TemporaryFolder> Recipe::folder_;

TEST_F(Recipe, AccountsForEveryPromptAlsoOfHostilePools) {
  const RecipeInputs inputs = world().inputs();
  const auto counts = make(inputs).counts;
  std::map<std::string, std::int64_t> found;
  std::int64_t index = 0;
  for (const auto& pair : pairs_of(inputs)) {
    EXPECT_EQ(pair.prompt, index++);
    ++found[std::string(io::outcome_name(pair.outcome))];
    if (pair.prompt % 10 == 3 || pair.prompt % 10 == 4) {
      EXPECT_EQ(pair.outcome, PairOutcome::one_response);
    }
    if (pair.prompt % 10 == 5) {
      EXPECT_EQ(pair.outcome, PairOutcome::too_long);
    }
    if (pair.prompt % 10 == 6) {
      EXPECT_EQ(pair.outcome, PairOutcome::non_finite);
    }
  }
  EXPECT_EQ(index, prompt_count);
  EXPECT_EQ(counts.at("prompts"), prompt_count);
  EXPECT_EQ(counts.at("kept"), found["kept"]);
  EXPECT_EQ(counts.at("pairs"), found["kept"]) << "nothing is filtered";
  std::int64_t sum = counts.at("kept");
  for (const auto& [name, count] : counts) {
    if (!name.starts_with("dropped.")) continue;
    EXPECT_EQ(count, found[name.substr(8)]) << name;
    sum += count;
  }
  EXPECT_EQ(sum, prompt_count);
  EXPECT_GT(found["kept"], 50);
  EXPECT_GT(found["inverted"], 0);
}

TEST(RecipeOfHostilePools, KeepsNothingAndAccountsForEveryPrompt) {
  const std::map<std::int64_t, std::string> reasons = {
      {3, "one_response"}, {4, "one_response"}, {5, "too_long"}, {6, "non_finite"}};
  for (const auto& [kind, reason] : reasons) {
    const TemporaryFolder folder;
    const RecipeWorld world(folder.path().string(), kind);
    world.write(3);
    comm::SingleCommunicator comm;
    const auto counts = world.make(comm, world.inputs(), "run").counts;
    EXPECT_EQ(counts.at("prompts"), 9);
    EXPECT_EQ(counts.at("dropped." + reason), 9);
    EXPECT_EQ(counts.at("kept"), 0);
    EXPECT_EQ(counts.at("mixture"), 4) << "the human pairs";
    const auto json = nlohmann::json::parse(read_all(world.recipe_folder(world.inputs(), "run") + "/balance.json"));
    std::int64_t sum = 0;
    for (const auto& [name, count] : json.at("outcomes").items()) sum += count.get<std::int64_t>();
    EXPECT_EQ(sum, json.at("prompts"));
  }
}

TEST_F(Recipe, MixesAtTheRatioThatItIsTold) {
  RecipeInputs inputs = world().inputs();
  inputs.settings.mixture = {selection::MixtureRule::truncate, 3};
  const auto counts = make(inputs).counts;
  EXPECT_EQ(counts.at("mixture"), 4 * counts.at("human"));
  const auto mixture = io::read_mixture(world().recipe_folder(inputs, "run") + "/mixture.h5");
  for (std::size_t i = 0; i < mixture.size(); ++i) {
    EXPECT_EQ(mixture[i].source, i % 4 == 0 ? PairSourceKind::human : PairSourceKind::synthetic) << i;
  }
}

TEST_F(Recipe, TakesTextsAndLikelihoodsFromThePool) {
  const RecipeInputs inputs = world().inputs();
  make(inputs);
  const auto pools = io::read_pools(inputs.pools.folder, PromptSet::unlabelled);
  for (const auto& pair : pairs_of(inputs)) {
    const Pool& pool = pools.at(static_cast<std::size_t>(pair.prompt));
    EXPECT_EQ(pair.prompt_text, pool.prompt.text);
    EXPECT_EQ(pair.prompt_id, pool.prompt.id);
    if (pair.outcome != PairOutcome::kept) continue;
    const Sample& chosen = pool.samples.at(static_cast<std::size_t>(pair.chosen));
    const Sample& rejected = pool.samples.at(static_cast<std::size_t>(pair.rejected));
    EXPECT_EQ(pair.chosen_response, chosen.response);
    EXPECT_EQ(pair.rejected_response, rejected.response);
    EXPECT_EQ(pair.chosen_log_likelihood, chosen.log_likelihood);
    EXPECT_EQ(pair.rejected_tokens, static_cast<std::int32_t>(rejected.tokens.size()));
    EXPECT_GE(pair.confidence, 0.5);
  }
}

/// The prompts that fall to one filter: those of the floor(q n) lowest values, by sorting.
std::set<std::int64_t> lowest(const std::vector<SyntheticPair>& pairs, PairOutcome reason, double q,
                              selection::LikelihoodUnit unit) {
  std::vector<std::pair<double, std::int64_t>> values;
  for (const auto& pair : pairs) {
    if (pair.outcome == PairOutcome::kept)
      values.emplace_back(selection::filter_value(pair, reason, unit), pair.prompt);
  }
  std::sort(values.begin(), values.end());
  std::set<std::int64_t> dropped;
  const auto count = static_cast<std::size_t>(q * static_cast<double>(values.size()));
  for (std::size_t i = 0; i < count; ++i) dropped.insert(values[i].second);
  return dropped;
}

TEST_F(Recipe, FiltersAsSortingAllPairsDoes) {
  using selection::LikelihoodMode;
  using selection::LikelihoodUnit;
  const RecipeInputs unfiltered = world().inputs();
  make(unfiltered);
  const auto before = pairs_of(unfiltered);
  for (const auto mode : {LikelihoodMode::each, LikelihoodMode::joint}) {
    for (const auto unit : {LikelihoodUnit::sum, LikelihoodUnit::per_token}) {
      RecipeInputs inputs = world().inputs();
      inputs.settings.filters = {0.3, 0.2, mode, unit};
      make(inputs);
      std::vector<PairOutcome> reasons = {PairOutcome::confidence, PairOutcome::joint};
      if (mode == LikelihoodMode::each) {
        reasons = {PairOutcome::confidence, PairOutcome::chosen, PairOutcome::rejected};
      }
      std::vector<PairOutcome> expected;
      for (const auto& pair : before) expected.push_back(pair.outcome);
      for (auto reason = reasons.rbegin(); reason != reasons.rend(); ++reason) {  // the first one has the last word
        const double q = *reason == PairOutcome::confidence ? 0.3 : 0.2;
        for (const auto prompt : lowest(before, *reason, q, unit)) expected[static_cast<std::size_t>(prompt)] = *reason;
      }
      std::vector<PairOutcome> found;
      for (const auto& pair : pairs_of(inputs)) found.push_back(pair.outcome);
      EXPECT_EQ(found, expected);
    }
  }
}

TEST_F(Recipe, NumbersTheKeptPairsOfTheMixtureInTheOrderOfTheFiles) {
  RecipeInputs inputs = world().inputs();
  inputs.settings.filters.confidence = 0.4;
  const auto counts = make(inputs).counts;
  const std::string folder = world().recipe_folder(inputs, "run");
  const auto kept = io::read_kept_pairs(folder);
  const io::Hdf5Reader file(folder + "/mixture.h5");
  const auto prompts = file.read<std::int64_t>("/synthetic/prompt");
  const auto files = file.read<std::int64_t>("/synthetic/file");
  const auto rows = file.read<std::int64_t>("/synthetic/row");
  ASSERT_EQ(prompts.size(), kept.size());
  for (std::size_t i = 0; i < kept.size(); ++i) {
    EXPECT_EQ(prompts[i], kept[i].prompt);
    EXPECT_EQ(files[i] * 64 * RecipeWorld::prompts_per_file + rows[i], kept[i].prompt);
  }
  EXPECT_THAT(file.text("/human/id"), ElementsAre("h0", "h3", "h6", "h9"));
  const auto mixture = io::read_mixture(folder + "/mixture.h5");
  EXPECT_EQ(mixture.size(), 2 * kept.size());
  EXPECT_EQ(counts.at("mixture"), static_cast<std::int64_t>(mixture.size()));
  EXPECT_EQ(counts.at("human"), 4);
}

TEST_F(Recipe, TakesTheHumanPairsThatItIsTold) {
  RecipeInputs inputs = world().inputs();
  inputs.settings.human = HumanSet::hf100;
  EXPECT_EQ(make(inputs).counts.at("human"), 10);
  inputs.settings.human = HumanSet::none;
  const auto counts = make(inputs).counts;
  EXPECT_EQ(counts.at("human"), 0);
  EXPECT_EQ(counts.at("mixture"), counts.at("kept"));
}

TEST_F(Recipe, IsTheSameAfterARestart) {
  const RecipeInputs inputs = world().inputs();
  make(inputs, "restarted");
  const std::string folder = world().recipe_folder(inputs, "restarted");
  const std::vector<std::string> names = {"/pairs-00000.h5", "/pairs-00001.h5", "/mixture.h5", "/balance.json",
                                          "/manifest.json"};
  std::map<std::string, std::string> before;
  for (const auto& name : names) before[name] = read_all(folder + name);
  for (const auto* name : {"/pairs-00001.h5", "/mixture.h5", "/manifest.json"}) std::filesystem::remove(folder + name);
  make(inputs, "restarted");
  for (const auto& name : names) EXPECT_EQ(read_all(folder + name), before[name]) << name;
}

TEST_F(Recipe, RefusesMatchesOfAnotherRule) {
  RecipeInputs inputs = world().inputs();
  inputs.settings.matches.rule = selection::Rule::exact;
  expect_data_error([&] { make(inputs); }, "the matches belong to another rule or N");
}

TEST_F(Recipe, RefusesPoolsThatAreTooSmall) {
  RecipeInputs inputs = world().inputs();
  inputs.settings.matches.n = RecipeWorld::samples + 1;
  expect_data_error([&] { make(inputs); }, "has 8 samples, the recipe asks for n: 9");
}

TEST_F(Recipe, ExportsItsKeptPairsAsRows) {
  const RecipeInputs inputs = world().inputs();
  make(inputs);
  const auto kept = io::read_kept_pairs(world().recipe_folder(inputs, "run"));
  const std::string out = *folder_ / "pairs.jsonl";
  EXPECT_EQ(export_pairs(world().recipe_folder(inputs, "run"), out), static_cast<std::int64_t>(kept.size()));
  io::JsonlReader reader(out);
  for (const auto& pair : kept) {
    const auto line = reader.next();
    ASSERT_TRUE(line.has_value());
    const auto row = io::parse_row(*line, out);
    EXPECT_EQ(row.at("prompt"), pair.prompt_text);
    EXPECT_EQ(row.at("chosen"), pair.chosen_response);
    EXPECT_EQ(row.at("rejected"), pair.rejected_response);
    EXPECT_EQ(row.at("confidence"), pair.confidence);
    EXPECT_EQ(row.at("chosen_sample"), pair.chosen);
  }
  EXPECT_FALSE(reader.next().has_value());
  EXPECT_THROW(export_pairs(world().recipe_folder(inputs, "run"), out), ConfigError) << "the file is there";
}

TEST_F(Recipe, ExportsHumanPairsToo) {
  const std::string out = *folder_ / "human.jsonl";
  EXPECT_EQ(export_pairs(world().inputs().prepared.folder + "/pairs-00000.h5", out), 12);
  io::JsonlReader reader(out);
  EXPECT_FALSE(io::parse_row(*reader.next(), out).contains("confidence"));
  EXPECT_EQ(io::parse_row(*reader.next(), out).at("confidence"), 3);
  expect_data_error([&] { export_pairs(world().inputs().pools.folder, *folder_ / "none.jsonl"); }, "no pairs");
  EXPECT_FALSE(std::filesystem::exists(*folder_ / "none.jsonl"));
}

TEST_F(Recipe, RefusesAMixtureThatNumbersPairsWhichAreNotThere) {
  const std::vector<MixtureRow> rows = {{PairSourceKind::human, 0}, {PairSourceKind::synthetic, 1}};
  io::write_mixture(*folder_ / "bad.h5", rows, {{"h"}, {{0, 0, 0}}});
  expect_data_error([&] { static_cast<void>(io::read_mixture(*folder_ / "bad.h5")); }, "row 1 of the mixture");
}

}  // namespace
}  // namespace westofn::synthesis
