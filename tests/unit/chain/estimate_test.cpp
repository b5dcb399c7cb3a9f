// SPDX-License-Identifier: Apache-2.0
#include "chain/estimate/estimate.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "chain/estimate/numbers.h"
#include "config/config.h"
#include "support/temporary_folder.h"
#include "unit/chain/xxl.h"
#include "util/error.h"

namespace westofn::chain {
namespace {

using ::testing::HasSubstr;

Experiment read(const std::string& model, const std::string& more = "") {
  return config::read<Experiment>(
      config::Document("name: x\ndata: {world: {}}\npolicy: {model: " + model + "}\n" + more, "x.yaml"));
}

/// 100,000 prompts of 512 tokens with responses of 48.
DataSize paper_size() {
  DataSize size;
  size.unlabelled_prompts = 100'000;
  size.labelled_pairs = 1000;
  size.training_pairs = 2000;
  size.prompt_tokens = 512;
  size.response_tokens = 48;
  return size;
}

const Phase& find(const Estimate& estimate, const std::string& name) {
  const auto found = std::ranges::find(estimate.phases, name, &Phase::name);
  if (found == estimate.phases.end()) throw std::runtime_error("no phase " + name);
  return *found;
}

/// T5-XXL on 64 GPUs at 790 TFLOP/s.
class XxlEstimate : public ::testing::Test {
 protected:
  Estimate estimate(const std::string& more = "") {
    folder_.write("config.json", model::to_json(testing::xxl()));
    EstimateOptions options;
    options.ranks = 64;
    options.memory_bytes = 141e9;
    options.rank_operations = 790e12;
    const Experiment experiment = read(folder_.path().string(),
                                       "runtime: {dtype: bfloat16, micro_batch: 1}\npreference_model: {template: "
                                       "\"{prompt}{a}{b}\"}\ngeneration: {n: 64, max_new_tokens: 48}\n" +
                                           more);
    return make_estimate(experiment, paper_size(), options);
  }
  testing::TemporaryFolder folder_;
};

// One prompt: encoder 4.845 and keys and values 0.825 TFLOP; 64 x 48 tokens of 11.135 GFLOP 34.2 TFLOP and their
// attention 0.393 MFLOP x 64 x (48 x 512 + 48 x 49 / 2) 0.648 TFLOP: 40.5 TFLOP. 6250 shards of 16 prompts, at most 98
// a rank, keep 6250 / 98 = 63.78 of 64 ranks busy: 100,000 prompts at 63.78 x 790 TFLOP/s take 80.4 s. The tournament:
// 190 scores of 6.767 TFLOP = 1.2857 PFLOP a prompt: 2552 s, 0.7089 h.
TEST_F(XxlEstimate, TellsHoursFromASpeed) {
  const Estimate e = estimate();
  EXPECT_NEAR(find(e, "pools").work.operations, 4.05e18, 0.01e18);
  EXPECT_NEAR(*find(e, "pools").hours * 3600, 80.4, 0.5);
  const Phase& matches = find(e, "matches (west_of_n)");
  EXPECT_EQ(matches.work.units, 95 * 100'000);
  EXPECT_NEAR(*matches.hours, 0.7089, 0.002);
  ASSERT_TRUE(e.total_hours());
  double sum = 0;
  for (const Phase& phase : e.phases) sum += *phase.hours;
  EXPECT_DOUBLE_EQ(*e.total_hours(), sum);
}

// 8 pairs in micro-batches of one: 8 ranks work. 20,000 steps of 8 pairs of 2 inputs of 512 + 48 tokens and what the
// template "[CONTEXT] {prompt} [RESPONSE] {response}" has besides (10 + 12 bytes, so 5.5 tokens).
TEST_F(XxlEstimate, KnowsHowManyRanksATrainingKeepsBusy) {
  const Phase reward = find(estimate(), "reward-west_of_n");
  EXPECT_EQ(reward.work.busy_ranks, 8);
  EXPECT_NEAR(reward.work.operations, 20'000.0 * 8 * 6 * score_operations(testing::xxl(), 565.5, Logits::left_out),
              1e12);
  EXPECT_THAT(to_text(estimate()), HasSubstr("reward-west_of_n: its batch has micro-batches for 8 of 64 ranks"));
}

// A T5-XXL in float32 is 44.5 GB, sft, preference model and two reward models 178 GB. Checkpoints: masters and best so
// far 8 P = 89.1 GB, three of them 267 GB.
TEST_F(XxlEstimate, CountsBytesOnDisk) {
  const Estimate e = estimate();
  EXPECT_NEAR(find(e, "sft").disk, 44.54e9, 0.01e9);
  EXPECT_NEAR(find(e, "sft").disk_temporary, 267.3e9, 0.1e9);
  EXPECT_EQ(e.temporary_disk(), find(e, "sft").disk_temporary) << "stages work one after the other";
  // 112 bytes, 512 tokens of 4 bytes, and 64 x (33 + 48 x 4 of text + 48 x 4 of tokens) = 28,848.
  EXPECT_DOUBLE_EQ(find(e, "pools").disk, 100'000.0 * (112 + 512 * 4 + 64 * (33 + 48 * 4 + 48 * 4)));
  EXPECT_DOUBLE_EQ(find(e, "matches (west_of_n)").disk, 100'000.0 * (9 + 95 * 41));
}

TEST_F(XxlEstimate, TakesAMeasuredSpeedOfWriting) {
  folder_.write("config.json", model::to_json(testing::xxl()));
  EstimateOptions options;
  options.ranks = 10;
  options.tokens_per_second = 1000;
  const Estimate e =
      make_estimate(read(folder_.path().string(), "generation: {n: 64, max_new_tokens: 48}\n"), paper_size(), options);
  EXPECT_NEAR(*find(e, "pools").hours, 100'000.0 * 64 * 48 / 1000 / 10 / 3600, 0.1);
  EXPECT_FALSE(find(e, "sft").hours);
  EXPECT_FALSE(e.total_hours()) << "a part is no total";
}

TEST_F(XxlEstimate, AddsTheTimeOfMessages) {
  folder_.write("config.json", model::to_json(testing::xxl()));
  EstimateOptions options;
  options.ranks = 8;
  options.rank_operations = 790e12;
  const Experiment experiment = read(folder_.path().string(), "runtime: {dtype: bfloat16}\n");
  const double without = *find(make_estimate(experiment, paper_size(), options), "sft").hours;
  options.bytes_per_second = 370e9;
  const double with = *find(make_estimate(experiment, paper_size(), options), "sft").hours;
  // 4,000 steps, 7/8 of 2 bytes of gradient (a rank has one micro-batch) and 2 of weight, of 11.135e9 weights.
  EXPECT_NEAR((with - without) * 3600, 4000 * 0.875 * 4 * 11.1353 / 370, 0.1);
}

TEST_F(XxlEstimate, IsTheSameAsJson) {
  const Estimate e = estimate();
  const auto json = nlohmann::json::parse(to_json(e));
  EXPECT_EQ(json["models"][0]["weights"]["total"], 11'135'332'352);
  ASSERT_EQ(json["phases"].size(), e.phases.size());
  for (std::size_t i = 0; i < e.phases.size(); ++i) {
    EXPECT_EQ(json["phases"][i]["name"], e.phases[i].name);
    EXPECT_EQ(json["phases"][i]["work"]["operations"], e.phases[i].work.operations);
    if (e.phases[i].memory) {
      EXPECT_EQ(json["phases"][i]["memory"]["peak"], e.phases[i].memory->peak);
    }
  }
  EXPECT_EQ(json["total"]["hours"], *e.total_hours());
}

TEST(Estimate, NamesEveryModelAndRecipe) {
  const std::string text = to_text(make_estimate(read(TOY_BASE_MODEL), paper_size(), {}));
  for (const char* name : {"sft", "preference", "reward-hf50", "reward-west_of_n", "recipe-west_of_n", "pools",
                           "matches (west_of_n)", "evaluate", "9,500,000", "--tflops"}) {
    EXPECT_THAT(text, HasSubstr(name));
  }
}

TEST(Estimate, CountsSharedMatchesOnce) {
  const Experiment experiment = read(TOY_BASE_MODEL,
                                     "recipes: {a: {n: 8}, b: {n: 8, confidence: 0.5}, c: {n: 8, rule: best-random}}\n"
                                     "reward_models: {a: {recipe: a}}\n");
  const Estimate e = make_estimate(experiment, paper_size(), {});
  std::vector<std::string> matches;
  for (const Phase& phase : e.phases) {
    if (phase.name.starts_with("matches")) matches.push_back(phase.name);
  }
  EXPECT_THAT(matches, ::testing::ElementsAre("matches (a)", "matches (c)"));
  EXPECT_EQ(find(e, "matches (c)").work.tokens_read * 11, find(e, "matches (a)").work.tokens_read)
      << "11 matches; best-random asks for one that the tournament has not played";
}

TEST(Estimate, CountsARecipeAndATrainingForEachQuantileAndTheirMatchesOnce) {
  const Experiment experiment = read(TOY_BASE_MODEL,
                                     "recipes: {a: {n: 8, confidence: [0, 0.5]}, b: {n: 8}}\n"
                                     "reward_models: {c: {recipe: a}, d: {recipe: b}}\n");
  std::vector<std::string> names;
  for (const Phase& phase : make_estimate(experiment, paper_size(), {}).phases) {
    if (phase.name.find_first_of("(-") != std::string::npos) names.push_back(phase.name);
  }
  EXPECT_THAT(names,
              ::testing::ElementsAre("matches (a)", "recipe-a@confidence=0.0", "recipe-a@confidence=0.5", "recipe-b",
                                     "reward-c@confidence=0.0", "reward-c@confidence=0.5", "reward-d"));
}

TEST(Estimate, ScoresEachResponseOnceForAPointwiseTeacher) {
  const std::string teacher = TOY_BASE_MODEL;
  const Experiment experiment = read(TOY_BASE_MODEL, "recipes: {a: {n: 8}, b: {n: 8, rule: pointwise, teacher: \"" +
                                                         teacher + "\"}}\n" + "reward_models: {c: {recipe: b}}\n");
  const Estimate e = make_estimate(experiment, paper_size(), {});
  const auto scores = [&](const char* name, double per_prompt) {
    return find(e, name).work.tokens_read / per_prompt / paper_size().unlabelled_prompts;
  };
  EXPECT_LT(scores("matches (b)", 8), scores("matches (a)", 22)) << "a comparison reads two responses";
  EXPECT_EQ(find(e, "matches (b)").work.units, paper_size().unlabelled_prompts);
}

TEST(Estimate, AsksForAPolicy) {
  const auto experiment = config::read<Experiment>(config::Document("name: x\ndata: {world: {}}\n", "x.yaml"));
  EXPECT_THROW((void)make_estimate(experiment, paper_size(), {}), ConfigError);
}

TEST(Numbers, AreShort) {
  EXPECT_EQ(with_prefix(22'270'664'704.0, "B"), "22.3 GB");
  EXPECT_EQ(with_prefix(999.6, "B"), "1.00 kB");
  EXPECT_EQ(with_prefix(0, "B"), "0 B");
  EXPECT_EQ(with_prefix(1.272e15, "FLOP"), "1.27 PFLOP");
  EXPECT_EQ(with_commas(1'234'567), "1,234,567");
  EXPECT_EQ(with_commas(999), "999");
  EXPECT_EQ(as_hours(0.5), "30.0 min");
}

TEST(Numbers, StandInColumns) {
  Table table({"a", "value", "empty", "b"});
  table.add({"first", "1", "", "x"});
  table.add({"2nd", "1000", "", ""});
  EXPECT_EQ(table.text(), "  a      value  b\n  first      1  x\n  2nd     1000\n");
}

}  // namespace
}  // namespace westofn::chain
