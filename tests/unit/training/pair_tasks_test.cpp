// SPDX-License-Identifier: Apache-2.0
// The tasks of preference and reward models, against formulas that look at one input at a time.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "training/preference_task.h"
#include "training/reward_task.h"
#include "unit/training/tiny_model.h"

namespace westofn::training {
namespace {

using testing::tiny_t5;

const std::vector<std::int64_t> all = {0, 1, 2, 3};
const LabelTokens labels{5, 9};

/// A stream of numbers; other ids flip other pairs.
RandomSequence random_of(const std::string& id) { return RandomSequence(Philox("test", 1, 0, id)); }

std::vector<PairExample> some_pairs() {
  return {
      {{5, 6, 7, 1}, {8, 9, 1}}, {{5, 11, 1}, {1}}, {{9, 9, 4, 3, 12, 13, 1}, {6, 7, 8, 9, 10, 1}}, {{20, 1}, {22, 1}}};
}

/// The probability of the first label among the two, from the whole row of logits of one input.
double first_label(const model::T5& t5, const tokenizer::Tokens& input) {
  const at::NoGradGuard no_gradients;
  const auto source = t5.encode(model::make_batch(std::vector<tokenizer::Tokens>{input}, at::kCPU));
  const at::Tensor start = at::zeros({1, 1}, at::TensorOptions().dtype(at::kLong));
  const at::Tensor logits = t5.logits(t5.decode(source, start))[0][0].to(at::kDouble);
  const double a = std::exp(logits[labels.first].item<double>());
  const double b = std::exp(logits[labels.second].item<double>());
  return a / (a + b);
}

PreferenceTask preference_task(model::T5& t5, std::vector<PairExample> pairs, const model::BatchLimits& limits = {}) {
  return {t5, labels, {pairs, pairs, dataset::cycled({0}, 1)}, limits};
}

/// The sum over all portions.
Task::Validation validate(Task& task) {
  Task::Validation sum;
  for (std::int64_t i = 0; i < task.validation_portions(); ++i) {
    const Task::Validation part = task.validate(i);
    sum.loss += part.loss;
    sum.correct += part.correct;
    sum.weight += part.weight;
    sum.count += part.count;
  }
  return sum;
}

TEST(PreferenceTask, LossIsTheCrossEntropyOfTheLabelOfTheOrderThatIsShown) {
  model::T5 t5 = tiny_t5();
  const auto pairs = some_pairs();
  PreferenceTask task = preference_task(t5, pairs);
  int flips = 0;
  for (const char* id : {"a", "b", "c", "d"}) {
    double expected = 0;
    RandomSequence coins = random_of(id);
    for (const auto& pair : pairs) {
      const bool flipped = coins.chance(0.5);
      flips += flipped ? 1 : 0;
      expected -= std::log(flipped ? 1 - first_label(t5, pair.second) : first_label(t5, pair.first));
    }
    EXPECT_NEAR(testing::loss_of(task, all, random_of(id)), expected, 1e-4);
  }
  EXPECT_GT(flips, 0);
  EXPECT_LT(flips, 16);
}

TEST(PreferenceTask, SmoothsItsLabelsAndTakesThemSoft) {
  model::T5 t5 = tiny_t5();
  auto pairs = some_pairs();
  pairs[1].confidence = 0.7;
  for (const LabelKind kind : {LabelKind::certain, LabelKind::soft}) {
    PreferenceTask task(t5, labels, {pairs, pairs, dataset::cycled({0}, 1)}, {}, {kind, 0.1});
    double expected = 0;
    RandomSequence coins = random_of("a");
    for (const auto& pair : pairs) {
      const bool flipped = coins.chance(0.5);
      const double right = flipped ? 1 - first_label(t5, pair.second) : first_label(t5, pair.first);
      const double confidence = kind == LabelKind::soft ? pair.confidence : 1;
      const double target = 0.9 * confidence + 0.1 * (1 - confidence);
      expected -= target * std::log(right) + (1 - target) * std::log(1 - right);
    }
    EXPECT_NEAR(testing::loss_of(task, all, random_of("a")), expected, 1e-4);
  }
}

TEST(PreferenceTask, PaddingOfAMicroBatchDoesNotMatter) {
  model::T5 t5 = tiny_t5();
  auto pairs = some_pairs();
  for (auto& pair : pairs) pair.second = pair.first;  // the same input in both orders: a flip changes the label only
  PreferenceTask task = preference_task(t5, pairs);
  const double long_and_short = testing::loss_of(task, {2, 3}, random_of("x"));
  RandomSequence coins = random_of("x");
  double expected = 0;
  for (const std::size_t i : {2U, 3U}) {
    const double p = first_label(t5, pairs[i].first);
    expected -= std::log(coins.chance(0.5) ? 1 - p : p);
  }
  EXPECT_NEAR(long_and_short, expected, 1e-4);
}

TEST(PreferenceTask, ValidationAveragesBothOrders) {
  model::T5 t5 = tiny_t5();
  double loss = 0;
  double correct = 0;
  for (const auto& pair : some_pairs()) {
    const double chosen_first = first_label(t5, pair.first);
    const double chosen_second = first_label(t5, pair.second);
    loss -= (std::log(chosen_first) + std::log(1 - chosen_second)) / 2;
    correct += (chosen_first + 1 - chosen_second) / 2 > 0.5 ? 1 : 0;
  }
  for (const std::int64_t rows : {1, 2, 5, 64}) {
    PreferenceTask task = preference_task(t5, some_pairs(), {rows, 16384});
    const Task::Validation found = validate(task);
    EXPECT_NEAR(found.loss, loss, 1e-4);
    EXPECT_EQ(found.correct, correct);
    EXPECT_EQ(found.weight, 4);
    EXPECT_EQ(found.count, 4);
  }
}

TEST(PreferenceTask, ATieCountsHalf) {
  model::T5 t5 = tiny_t5();
  PreferenceTask task = preference_task(t5, some_pairs());
  testing::erase_weights(task);
  EXPECT_EQ(validate(task).correct, 2);
}

TEST(PreferenceTask, StepsAgainstTheGradientLowerTheLoss) {
  model::T5 t5 = tiny_t5();
  PreferenceTask task = preference_task(t5, some_pairs());
  EXPECT_LT(testing::loss_after_descent(task, all), 0.5);
}

model::RewardModel tiny_reward_model() {
  model::T5 t5 = tiny_t5();
  model::RewardHead head = model::random_head(t5, 3);
  return {std::move(t5), std::move(head), {}};
}

RewardTask reward_task(model::RewardModel& model, std::vector<PairExample> pairs,
                       const model::BatchLimits& limits = {}) {
  return {model, {pairs, pairs, dataset::cycled({0}, 1)}, limits};
}

/// The reward of one input alone.
double plain_reward(const model::RewardModel& model, const tokenizer::Tokens& input) {
  const at::NoGradGuard no_gradients;
  const at::Tensor state = model.t5.first_state(model::make_batch(std::vector<tokenizer::Tokens>{input}, at::kCPU))[0];
  return (state * model.head.weight_D).sum().item<double>() + model.head.bias.item<double>();
}

TEST(RewardTask, LossIsMinusLogSigmoidOfTheDifference) {
  model::RewardModel model = tiny_reward_model();
  RewardTask task = reward_task(model, some_pairs());
  double expected = 0;
  for (const auto& pair : some_pairs()) {
    expected += std::log1p(std::exp(plain_reward(model, pair.second) - plain_reward(model, pair.first)));
  }
  EXPECT_NEAR(testing::loss_of(task, all, random_of("")), expected, 1e-4);
}

TEST(RewardTask, HasMarginsLabelsAndCentringAsItsObjectiveSays) {
  model::RewardModel model = tiny_reward_model();
  auto pairs = some_pairs();
  pairs[1].confidence = 0.75;
  pairs[3].confidence = 0.4;
  for (const auto scale : {MarginScale::fixed, MarginScale::confidence}) {
    for (const auto kind : {LabelKind::certain, LabelKind::soft}) {
      const RewardObjective objective{{kind, 0.1}, 0.6, scale, 0.01};
      RewardTask task(model, {pairs, pairs, dataset::cycled({0}, 1)}, {}, objective);
      double expected = 0;
      for (const auto& pair : pairs) {
        const double chosen = plain_reward(model, pair.first);
        const double rejected = plain_reward(model, pair.second);
        const double width = scale == MarginScale::fixed ? 1 : std::max(0.0, 2 * pair.confidence - 1);
        const double z = chosen - rejected - 0.6 * width;
        const double confidence = kind == LabelKind::soft ? pair.confidence : 1;
        const double target = 0.9 * confidence + 0.1 * (1 - confidence);
        expected += target * std::log1p(std::exp(-z)) + (1 - target) * std::log1p(std::exp(z)) +
                    0.01 * (chosen + rejected) * (chosen + rejected);
      }
      EXPECT_NEAR(testing::loss_of(task, all, random_of("")), expected, 1e-4);
      // Validation is measured without all this, so that settings can be compared.
      RewardTask plain = reward_task(model, pairs);
      EXPECT_EQ(validate(task).loss, validate(plain).loss);
    }
  }
}

TEST(RewardTask, TakesItsObjectiveFromTheSettings) {
  RewardSettings settings;
  settings.soft_labels = true;
  settings.margin = 0.5;
  settings.margin_scale = MarginScale::confidence;
  settings.centring = 0.25;
  settings.train.label_smoothing = 0.125;
  const RewardObjective objective = objective_of(settings);
  EXPECT_EQ(objective.labels.kind, LabelKind::soft);
  EXPECT_EQ(objective.labels.smoothing, 0.125);
  EXPECT_EQ(objective.margin, 0.5);
  EXPECT_EQ(objective.margin_scale, MarginScale::confidence);
  EXPECT_EQ(objective.centring, 0.25);
  EXPECT_EQ(objective_of({}).labels.kind, LabelKind::certain);
}

TEST(RewardTask, ExchangedResponsesTurnTheSign) {
  model::RewardModel model = tiny_reward_model();
  const auto pairs = some_pairs();
  RewardTask task = reward_task(model, {pairs[0], {pairs[0].second, pairs[0].first}});
  // softplus(-d) - softplus(d) = -d
  const double right = testing::loss_of(task, {0}, random_of(""));
  const double wrong = testing::loss_of(task, {1}, random_of(""));
  EXPECT_NEAR(right - wrong, plain_reward(model, pairs[0].second) - plain_reward(model, pairs[0].first), 1e-4);
}

TEST(RewardTask, ValidationIsTheSameInAnyPortions) {
  model::RewardModel model = tiny_reward_model();
  double correct = 0;
  double loss = 0;
  for (const auto& pair : some_pairs()) {
    const double margin = plain_reward(model, pair.first) - plain_reward(model, pair.second);
    correct += margin > 0 ? 1 : 0;
    loss += std::log1p(std::exp(-margin));
  }
  for (const std::int64_t rows : {1, 4, 64}) {
    RewardTask task = reward_task(model, some_pairs(), {rows, 16384});
    const Task::Validation found = validate(task);
    EXPECT_EQ(found.correct, correct);
    EXPECT_NEAR(found.loss, loss, 1e-4);
    EXPECT_EQ(found.count, 4);
  }
}

TEST(RewardTask, ATieCountsHalf) {
  model::RewardModel model = tiny_reward_model();
  RewardTask task = reward_task(model, some_pairs());
  testing::erase_weights(task);
  EXPECT_EQ(validate(task).correct, 2);
}

TEST(RewardTask, StepsAgainstTheGradientReachTheHeadAndTheT5) {
  model::RewardModel model = tiny_reward_model();
  RewardTask task = reward_task(model, some_pairs());
  const at::Tensor head = model.head.weight_D.clone();
  const at::Tensor embedding = model.t5.embedding_VD().clone();
  EXPECT_LT(testing::loss_after_descent(task, all), 0.5);
  EXPECT_FALSE(at::equal(head, model.head.weight_D));
  EXPECT_FALSE(at::equal(embedding, model.t5.embedding_VD()));
}

TEST(PairTasks, ScoreEveryValidationPairOnce) {
  model::RewardModel model = tiny_reward_model();
  const auto pairs = some_pairs();
  RewardTask reward = reward_task(model, pairs, {4, 16384});
  model::T5 t5 = tiny_t5();
  PreferenceTask preference = preference_task(t5, pairs, {4, 16384});
  std::vector<int> seen(pairs.size());
  ASSERT_EQ(reward.validation_pairs(), pairs.size());
  for (std::int64_t portion = 0; portion < reward.validation_portions(); ++portion) {
    for (const PairScore& score : reward.score(portion)) {
      ++seen[score.pair];
      EXPECT_NEAR(score.chosen, plain_reward(model, pairs[score.pair].first), 1e-5);
      EXPECT_NEAR(score.rejected, plain_reward(model, pairs[score.pair].second), 1e-5);
    }
    for (const PairScore& score : preference.score(portion)) {
      ++seen[score.pair];
      const auto& pair = pairs[score.pair];
      EXPECT_NEAR(score.chosen, (first_label(t5, pair.first) + 1 - first_label(t5, pair.second)) / 2, 1e-5);
      EXPECT_EQ(score.rejected, 1 - score.chosen);
    }
  }
  EXPECT_EQ(seen, std::vector<int>(pairs.size(), 2));
}

TEST(PairTasks, CountEveryPairOnceAndPickTheBestAccuracy) {
  model::RewardModel model = tiny_reward_model();
  const RewardTask task = reward_task(model, some_pairs());
  EXPECT_EQ(task.weight(2), 1);
  EXPECT_EQ(task.selection(), Task::Selection::accuracy);
  EXPECT_EQ(task.batch(5), std::vector<std::int64_t>{0});
}

}  // namespace
}  // namespace westofn::training
