// SPDX-License-Identifier: Apache-2.0
#include "evaluation/assess.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "unit/evaluation/toy_test_set.h"
#include "util/error.h"
#include "util/philox.h"
#include "world/gold.h"

namespace westofn::evaluation {
namespace {

/// Gold with noise: a reward model of some quality.
Scorer noisy_model(const TestSet& test, const std::string& name, double noise) {
  RandomSequence random(Philox("noise", 1, 0, name));
  const auto score = [&](const std::string& prompt, const std::string& response) {
    return world::gold(prompt, response) + noise * (random.uniform() - 0.5);
  };
  Scorer scorer{name, ScorerKind::reward_model, {}};
  for (const auto& pair : test.pairs) {
    scorer.scores.chosen.push_back(score(pair.prompt, pair.chosen));
    scorer.scores.rejected.push_back(score(pair.prompt, pair.rejected));
  }
  for (const auto& pool : test.pools) {
    for (const auto& sample : pool.samples) scorer.scores.samples.push_back(score(pool.prompt.text, sample.response));
  }
  return scorer;
}

Scorer undecided_preference_model(const TestSet& test) {
  const std::vector<double> half(test.pairs.size(), 0.5);
  return {preference_name, ScorerKind::preference_model, {half, half, {}}};
}

Assessment assess_models(const TestSet& test, std::vector<Scorer> models, const std::string& reference = "",
                         GoldChoice gold = GoldChoice::toy) {
  return assess({test, with_baselines(std::move(models), test, gold, 1), {}, {}, gold, reference, {200, 0.95, 1}});
}

TEST(Assess, RanksModelsBaselinesAndGoldAsTheyAre) {
  const TestSet test = toy_test_set(400, 40, 16);
  const Assessment found = assess_models(
      test, {noisy_model(test, "bad", 12), noisy_model(test, "good", 1), undecided_preference_model(test)});
  std::vector<std::string> names;
  for (const auto& scorer : found.scorers) names.push_back(scorer.name);
  EXPECT_THAT(names, ::testing::ElementsAre("bad", "good", preference_name, "longer", "shorter", "random", "gold"));
  const auto& [bad, good, preference, longer, shorter, random, gold] =
      std::tie(found.reports[0], found.reports[1], found.reports[2], found.reports[3], found.reports[4],
               found.reports[5], found.reports[6]);
  EXPECT_GT(good.accuracy.value, bad.accuracy.value);
  EXPECT_GT(good.accuracy.value, 0.8);
  EXPECT_GT(good.high_confidence.value, good.accuracy.value);
  EXPECT_EQ(good.accuracy.count, 400);
  EXPECT_EQ(good.high_confidence.count, 200);
  EXPECT_EQ(preference.accuracy.value, 0.5) << "ties count half";
  EXPECT_EQ(preference.win_over_pool.count, 0) << "it has no scores of single responses";
  EXPECT_NEAR(longer.accuracy.value + shorter.accuracy.value, 1, 1e-12);
  EXPECT_NEAR(random.accuracy.value, 0.5, 0.1);
  EXPECT_GT(gold.win_over_pool.value, 0.9);
  EXPECT_GT(good.win_over_pool.value, bad.win_over_pool.value);
  EXPECT_LE(gold.win_over_sft.low, gold.win_over_sft.value);
  EXPECT_FALSE(longer.calibration.has_value());
  EXPECT_TRUE(preference.calibration.has_value());
}

TEST(Assess, TakesTheVerdictOfTheJudgeOnWhatBestOfNTakes) {
  const TestSet test = toy_test_set(40, 20, 8);
  auto scorers = with_baselines({noisy_model(test, "good", 1), noisy_model(test, "bad", 30)}, test, GoldChoice::toy, 1);
  // A judge that sees gold: sure of every difference, and undecided between equal ones.
  const std::vector<double>& gold = scorers.back().scores.samples;
  std::vector<double> judged;
  for (std::size_t row = 0; row < gold.size(); ++row) {
    judged.push_back(metrics::outcome(gold[row], gold[row / 9 * 9 + 8]));
  }
  const Assessment found = assess({test, scorers, judged, {}, GoldChoice::toy, "", {200, 0.95, 1}});
  for (const auto& report : found.reports) {
    EXPECT_EQ(report.win_by_judge.value, report.win_over_sft.value);
    EXPECT_EQ(report.win_by_judge.count, 20);
  }
  const auto& difference = found.differences.at(0);
  EXPECT_NEAR(difference.win_by_judge.value, found.reports[1].win_over_sft.value - found.reports[0].win_over_sft.value,
              1e-12);
  const Assessment without = assess({test, scorers, {}, {}, GoldChoice::toy, "", {200, 0.95, 1}});
  EXPECT_EQ(without.reports[0].win_by_judge.count, 0);
}

TEST(Assess, TellsHowFarScoresFollowTheLengthAndWhichPairsDecideADifference) {
  const TestSet test = toy_test_set(300, 0, 4);
  Scorer words = noisy_model(test, "words", 0);
  for (std::size_t i = 0; i < test.pairs.size(); ++i) {
    words.scores.chosen[i] = 3.0 * static_cast<double>(metrics::count_words(test.pairs[i].chosen));
    words.scores.rejected[i] = 3.0 * static_cast<double>(metrics::count_words(test.pairs[i].rejected));
  }
  const Assessment found = assess_models(test, {words, noisy_model(test, "good", 1)});
  EXPECT_NEAR(found.reports[0].length_correlation.value, 1, 1e-12);
  EXPECT_EQ(found.reports[0].length_correlation.count, 600) << "both responses of each pair";
  EXPECT_LT(std::abs(found.reports[1].length_correlation.value), 0.8);
  EXPECT_EQ(found.reports.back().length_correlation.count, 0) << "for reward models only";
  ASSERT_EQ(found.differences.size(), 1U);
  const auto& [good, reference] = std::tie(found.reports[1].outcomes, found.reports[0].outcomes);
  std::int64_t better = 0;
  std::int64_t worse = 0;
  for (std::size_t i = 0; i < good.size(); ++i) {
    better += good[i] > reference[i] ? 1 : 0;
    worse += good[i] < reference[i] ? 1 : 0;
  }
  EXPECT_EQ(found.differences[0].test.only_first, better);
  EXPECT_EQ(found.differences[0].test.only_second, worse);
  EXPECT_LT(found.differences[0].test.p_value, 1e-3);
}

TEST(Assess, CurvesStartAtTheMeanAndEndAtTheBest) {
  const TestSet test = toy_test_set(10, 20, 8);
  const Assessment found = assess_models(test, {noisy_model(test, "model", 2)});
  const BestOfN& curves = found.reports[0].best_of_n;
  ASSERT_EQ(curves.gold_n.size(), 8U);
  double mean = 0;
  double best = 0;
  for (std::size_t p = 0; p < test.pools.size(); ++p) {
    for (std::size_t k = 0; k < 8; ++k) mean += found.gold[p * 9 + k] / (8.0 * 20);
    best += found.gold[p * 9 + static_cast<std::size_t>(curves.best[p])] / 20;
  }
  EXPECT_NEAR(curves.gold_n.front(), mean, 1e-9);
  EXPECT_NEAR(curves.gold_n.back(), best, 1e-9);
  EXPECT_NEAR(curves.win_n.front(), 0.5, 1e-9);
  EXPECT_NEAR(curves.win_n.back(), found.reports[0].win_over_pool.value, 1e-9);
  EXPECT_GT(curves.score_n.back(), curves.score_n.front());
}

TEST(Assess, DifferencesArePairedAndSignedAgainstTheReference) {
  const TestSet test = toy_test_set(400, 30, 8);
  const std::vector<Scorer> models = {noisy_model(test, "bad", 12), noisy_model(test, "good", 0.5)};
  const Assessment found = assess_models(test, models);
  ASSERT_EQ(found.differences.size(), 1U);
  EXPECT_EQ(found.differences[0].model, 1U);
  EXPECT_NEAR(found.differences[0].accuracy.value, found.reports[1].accuracy.value - found.reports[0].accuracy.value,
              1e-12);
  EXPECT_EQ(metrics::verdict(found.differences[0].accuracy), metrics::Verdict::better);
  const Assessment reversed = assess_models(test, models, "good");
  EXPECT_EQ(reversed.reference, 1U);
  EXPECT_EQ(metrics::verdict(reversed.differences[0].accuracy), metrics::Verdict::worse);
}

TEST(Assess, ResponsesThatAreTooLongAreLeftOutAndCounted) {
  const TestSet test = toy_test_set(20, 4, 4);
  Scorer model = noisy_model(test, "model", 0);
  model.scores.rejected[3] = metrics::no_value;
  model.scores.samples[6] = metrics::no_value;
  const Assessment found = assess_models(test, {model});
  EXPECT_EQ(found.reports[0].accuracy.count, 19);
  EXPECT_EQ(found.reports[0].win_over_pool.count, 3);
  EXPECT_EQ(found.reports[0].best_of_n.best[1], -1);
  for (const double value : found.reports[0].best_of_n.gold_n) EXPECT_TRUE(std::isfinite(value));
}

TEST(Assess, WithoutGoldThereAreScoresButNoWins) {
  const TestSet test = toy_test_set(20, 4, 4);
  const Assessment found = assess_models(test, {noisy_model(test, "model", 1)}, "", GoldChoice::none);
  EXPECT_TRUE(found.gold.empty());
  EXPECT_EQ(found.scorers.back().name, "random");
  EXPECT_EQ(found.reports[0].win_over_pool.count, 0);
  EXPECT_EQ(found.reports[0].best_of_n.score_n.size(), 4U);
}

TEST(Assess, GoldOfAForeignPromptIsAnError) {
  TestSet test = toy_test_set(3, 0, 0);
  test.pairs[1].prompt = "What is the capital of France?";
  EXPECT_THROW((void)assess_models(test, {}), DataError);
}

TEST(Assess, CountsTheKeptPairsOfARecipeThatGoldAgreesWith) {
  const TestSet test = toy_test_set(0, 3, 6);
  RecipePairs recipe{"west_of_6", {}};
  double right = 0;
  for (const auto& pool : test.pools) {
    SyntheticPair pair;
    pair.prompt_text = pool.prompt.text;
    pair.group = pool.prompt.id;
    pair.chosen = 0;
    pair.rejected = 2;
    pair.chosen_response = pool.samples[0].response;
    pair.rejected_response = pool.samples[2].response;
    right += metrics::outcome(world::gold(pair.prompt_text, pair.chosen_response),
                              world::gold(pair.prompt_text, pair.rejected_response));
    recipe.pairs.push_back(pair);
    pair.outcome = PairOutcome::confidence;
    recipe.pairs.push_back(pair);
    pair.outcome = PairOutcome::inverted;
    pair.chosen = pair.rejected = -1;
    recipe.pairs.push_back(pair);
  }
  const Assessment found =
      assess({test, with_baselines({}, test, GoldChoice::toy, 1), {}, {recipe}, GoldChoice::toy, "", {}});
  ASSERT_EQ(found.recipes.size(), 1U);
  EXPECT_EQ(found.recipes[0].prompts, 9);
  EXPECT_EQ(found.recipes[0].kept, 3);
  EXPECT_NEAR(found.recipes[0].label_accuracy.value, right / 3, 1e-12);
  EXPECT_FALSE(std::isnan(found.recipes[0].gold_difference[1])) << "a dropped pair has a value too";
  EXPECT_TRUE(std::isnan(found.recipes[0].gold_difference[2]));
}

}  // namespace
}  // namespace westofn::evaluation
