// SPDX-License-Identifier: Apache-2.0
#include "training/padding.h"

#include <gtest/gtest.h>

#include "training/preference_task.h"
#include "training/reward_task.h"
#include "training/sft_task.h"
#include "unit/training/tiny_model.h"

namespace westofn::training {
namespace {

tokenizer::Tokens row(std::size_t length) { return tokenizer::Tokens(length, 5); }

/// Inputs of 3 and 1, 5 and 5, 2 and 8 tokens.
PairTask::Data pair_data(std::vector<std::int64_t> order, std::int64_t batch) {
  const std::vector<PairExample> pairs = {{row(3), row(1)}, {row(5), row(5)}, {row(2), row(8)}};
  return {pairs, pairs, dataset::cycled(std::move(order), batch)};
}

void expect_count(const TokenCount& found, std::int64_t tokens, std::int64_t computed) {
  EXPECT_EQ(found.tokens, tokens);
  EXPECT_EQ(found.computed, computed);
}

/// Computed with tensors, which are padded, as on a GPU.
model::T5 padding_t5() { return testing::tiny_t5({at::kCPU, at::kDouble}); }

TEST(Padding, OfARewardModelCountsBothResponsesPaddedToTheLongestOfTheMicroBatch) {
  model::T5 t5 = padding_t5();
  model::RewardModel model{t5, model::random_head(t5, 1), {}};
  const RewardTask task(model, pair_data({0, 1, 2, 0}, 4), {});
  expect_count(count_training_tokens(task, 1, 4), 4 + 10 + 10 + 4, 8 * 8);
  expect_count(count_training_tokens(task, 1, 2), 4 + 10 + 10 + 4, 4 * 5 + 4 * 8);
  expect_count(count_training_tokens(task, 1, 3), 4 + 10 + 10 + 4, 6 * 8 + 2 * 3);
  expect_count(count_training_tokens(task, 3, 1), 3 * (4 + 10 + 10 + 4), 3 * (2 * 3 + 2 * 5 + 2 * 8 + 2 * 3));
}

TEST(Padding, OfAPreferenceModelCountsOneInputAPair) {
  model::T5 t5 = padding_t5();
  const PreferenceTask task(t5, {5, 9}, pair_data({0, 1, 2}, 3), {});
  expect_count(count_training_tokens(task, 1, 3), 3 + 5 + 2, 3 * 5);
}

TEST(Padding, OfAPolicyCountsInputsAndTargetsEachPaddedToTheirLongest) {
  model::T5 t5 = padding_t5();
  const std::vector<TextExample> rows = {{row(4), row(1)}, {row(2), row(6)}};
  const SftTask task(t5, {rows, rows, dataset::cycled({0, 1}, 2)}, {});
  expect_count(count_training_tokens(task, 1, 2), 13, 2 * 4 + 2 * 6);
  expect_count(count_training_tokens(task, 1, 1), 13, 13);
}

TEST(Padding, IsLessWhereBatchesAreSortedInWindows) {
  model::T5 t5 = padding_t5();
  model::RewardModel model{t5, model::random_head(t5, 1), {}};
  std::vector<PairExample> pairs;
  for (std::size_t i = 0; i < 64; ++i) pairs.push_back({row(1 + 7 * i % 64), row(1 + 7 * i % 64)});
  const auto share = [&](std::int64_t window) {
    auto order = dataset::sorted_in_windows(dataset::shuffled_epochs(64, 4, {"test", 1}), lengths_of(pairs), window,
                                            {"window", 1});
    const RewardTask task(model, {pairs, pairs, std::move(order)}, {});
    return padding_share(count_training_tokens(task, 16, 4));
  };
  EXPECT_GT(share(1), 0.25);
  EXPECT_LT(share(16), 0.06);
}

TEST(Padding, IsNoneWhereOurKernelsCompute) {
  model::T5 t5 = testing::tiny_t5({at::kCPU, at::kFloat});
  model::RewardModel model{t5, model::random_head(t5, 1), {}};
  const RewardTask task(model, pair_data({0, 1, 2, 0}, 4), {});
  expect_count(count_training_tokens(task, 1, 4), 28, 28);
}

TEST(PaddingShare, IsWhatIsNotTokens) {
  EXPECT_DOUBLE_EQ(padding_share({75, 100}), 0.25);
  EXPECT_EQ(padding_share({}), 0);
}

}  // namespace
}  // namespace westofn::training
