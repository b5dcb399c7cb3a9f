// SPDX-License-Identifier: Apache-2.0
// Fine-tuning as a task, against cross-entropies that are computed one row at a time.
#include "training/sft_task.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/training/tiny_model.h"

namespace westofn::training {
namespace {

using testing::tiny_t5;

const RandomSequence no_random{Philox("test", 1, 0, "")};

std::vector<TextExample> some_rows() {
  return {
      {{5, 6, 7, 1}, {8, 9, 1}}, {{5, 1}, {1}}, {{9, 9, 4, 3, 12, 13, 1}, {6, 7, 8, 9, 10, 1}}, {{20, 21, 1}, {22, 1}}};
}

/// -log of the probability of each target token, summed: one row without padding, a softmax in double.
double plain_loss(const model::T5& t5, const TextExample& row) {
  const at::NoGradGuard no_gradients;
  std::vector<std::int64_t> shifted = {0};
  shifted.insert(shifted.end(), row.target.begin(), row.target.end() - 1);
  const auto source = t5.encode(model::make_batch(std::vector<tokenizer::Tokens>{row.input}, at::kCPU));
  const at::Tensor logits = t5.logits(t5.decode(source, at::tensor(shifted).unsqueeze(0)))[0].to(at::kDouble);
  double loss = 0;
  for (std::size_t t = 0; t < row.target.size(); ++t) {
    loss -= at::softmax(logits[static_cast<std::int64_t>(t)], 0)[row.target[t]].log().item<double>();
  }
  return loss;
}

SftTask make_task(model::T5& t5, const model::BatchLimits& limits = {}) {
  return {t5, {some_rows(), some_rows(), dataset::cycled({3, 1, 0, 2}, 2)}, limits};
}

TEST(SftTask, LossIsTheCrossEntropyOfAllTargetTokens) {
  model::T5 t5 = tiny_t5();
  SftTask task = make_task(t5);
  const auto rows = some_rows();
  double expected = 0;
  for (const std::int64_t i : {2, 0, 1}) expected += plain_loss(t5, rows[static_cast<std::size_t>(i)]);
  EXPECT_NEAR(testing::loss_of(task, {2, 0, 1}, no_random), expected, 1e-4);
}

TEST(SftTask, PaddingOfAMicroBatchDoesNotMatter) {
  model::T5 t5 = tiny_t5();
  SftTask task = make_task(t5);
  double alone = 0;
  for (std::int64_t i = 0; i < 4; ++i) alone += testing::loss_of(task, {i}, no_random);
  EXPECT_NEAR(testing::loss_of(task, {0, 1, 2, 3}, no_random), alone, 1e-4);
}

TEST(SftTask, SmoothsLabelsInTrainingButNotInValidation) {
  model::T5 t5 = tiny_t5();
  SftTask plain = make_task(t5);
  SftTask smooth(t5, {some_rows(), some_rows(), dataset::cycled({3, 1, 0, 2}, 2), 0.1}, {});
  const auto row = some_rows()[1];  // one token, so that the mean over the vocabulary is easily had
  const at::NoGradGuard no_gradients;
  const auto source = t5.encode(model::make_batch(std::vector<tokenizer::Tokens>{row.input}, at::kCPU));
  const at::Tensor log_p =
      at::log_softmax(t5.logits(t5.decode(source, at::zeros({1, 1}, at::kLong)))[0][0].to(at::kDouble), 0);
  const double expected = -0.9 * log_p[row.target[0]].item<double>() - 0.1 * log_p.mean().item<double>();
  EXPECT_NEAR(testing::loss_of(smooth, {1}, no_random), expected, 1e-4);
  EXPECT_EQ(smooth.validate(0).loss, plain.validate(0).loss);
}

TEST(SftTask, AnExampleWeighsItsTargetTokens) {
  model::T5 t5 = tiny_t5();
  const SftTask task = make_task(t5);
  EXPECT_EQ(task.weight(0), 3);
  EXPECT_EQ(task.weight(1), 1);
  EXPECT_EQ(task.weight(2), 6);
}

TEST(SftTask, ValidationIsTheSameInAnyPortions) {
  model::T5 t5 = tiny_t5();
  double expected = 0;
  for (const auto& row : some_rows()) expected += plain_loss(t5, row);
  for (const std::int64_t rows : {1, 3, 64}) {
    SftTask task = make_task(t5, {rows, 16384});
    EXPECT_EQ(task.validation_portions(), (4 + rows - 1) / rows);
    double loss = 0;
    double weight = 0;
    for (std::int64_t i = 0; i < task.validation_portions(); ++i) {
      const Task::Validation part = task.validate(i);
      loss += part.loss;
      weight += part.weight;
      EXPECT_EQ(part.count, 0);
    }
    EXPECT_NEAR(loss, expected, 1e-4);
    EXPECT_EQ(weight, 12);
  }
}

TEST(SftTask, StepsAgainstTheGradientLowerTheLoss) {
  model::T5 t5 = tiny_t5();
  SftTask task = make_task(t5);
  EXPECT_LT(testing::loss_after_descent(task, {0, 1, 2, 3}), 0.5);
}

}  // namespace
}  // namespace westofn::training
