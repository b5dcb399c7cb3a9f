// SPDX-License-Identifier: Apache-2.0
#include "chain/estimate/memory.h"

#include <gtest/gtest.h>

#include <array>

#include "chain/estimate/fitting.h"
#include "unit/chain/xxl.h"

namespace westofn::chain {
namespace {

using testing::bfloat16_on_gpu;
using testing::xxl;
using training::OptimizerKind;

PhaseMemory of_training(OptimizerKind optimizer, int ranks, std::int64_t batch_of_rank = 1) {
  model::RuntimeSettings runtime = bfloat16_on_gpu();
  runtime.micro_batch = 1;
  const training::TrainSettings train{.batch = batch_of_rank * ranks, .optimizer = optimizer};
  return training_memory(xxl(), {train, runtime, ranks, {2, 560, 1}, Logits::left_out});
}

// In GB, P = 11.135e9 weights over R ranks: weights 2 P = 22.27 everywhere; masters 4 P / R, sums of gradients 4 P / R,
// AdamW 8 P / R, Adafactor next to nothing. R = 1: 22.27 + 16 P = 200.4; 2: 111.4; 8: 44.5; 64: 25.1.
// Adafactor: 111.4, 66.8, 33.4, 23.7.
TEST(TrainingMemory, IsThatOfShardedStatesForT5Xxl) {
  struct Row {
    int ranks;
    double adamw, adafactor;
  };
  for (const Row& row : std::array<Row, 4>{{{1, 200.4, 111.4}, {2, 111.4, 66.8}, {8, 44.5, 33.4}, {64, 25.1, 23.7}}}) {
    const auto state = [&](OptimizerKind optimizer) {
      const PhaseMemory m = of_training(optimizer, row.ranks);
      return (m.weights + m.sums + m.masters + m.optimizer) / 1e9;
    };
    EXPECT_NEAR(state(OptimizerKind::adamw), row.adamw, 0.6) << row.ranks;
    EXPECT_NEAR(state(OptimizerKind::adafactor), row.adafactor, 0.6) << row.ranks;
  }
}

TEST(TrainingMemory, NeedsNoMastersForFloat32) {
  model::RuntimeSettings runtime = bfloat16_on_gpu();
  runtime.dtype = model::ComputeType::float32;
  const training::TrainSettings train{.batch = 8};
  EXPECT_EQ(training_memory(xxl(), {train, runtime, 8, {2, 560, 1}, Logits::left_out}).masters, 0);
}

// Rows and columns: encoder layer 4 x 8192 + 3 x 14336 + 2 norms of 4096 = 83,968; decoder layer 8 x 8192 + 3 x 14336 +
// 3 x 4096 = 120,832; 24 of each 4,915,200; embedding and head 2 x 36,224; biases 2 x 96; last norms 2 x 4096.
TEST(TrainingMemory, KeepsLittleForAdafactor) {
  EXPECT_EQ(largest_share(xxl(), OptimizerKind::adafactor, 1).optimizer_elements, 4'915'200 + 72'448 + 192 + 8'192);
  EXPECT_EQ(largest_share(xxl(), OptimizerKind::adamw, 1).optimizer_elements, 2 * 11'135'332'352.0);
}

// Eight buckets of 32 MiB; the embedding of 131,596,288 weights in bfloat16 and as a float32 sum; two matrices of
// 20,480 x 4,096 in bfloat16: 268,435,456 + 6 x 131,596,288 + 2 x 2 x 83,886,080.
TEST(TrainingMemory, HoldsFewGradientsAtATime) {
  const PhaseMemory m = of_training(OptimizerKind::adafactor, 8);
  EXPECT_DOUBLE_EQ(m.gradients, 268'435'456 + 6 * 131'596'288.0 + 4 * 83'886'080.0);
  EXPECT_DOUBLE_EQ(of_training(OptimizerKind::adamw, 8, 3).gradients, m.gradients) << "however many micro-batches";
}

TEST(TrainingMemory, HasItsPeakInAPassOrInALargeValidation) {
  model::RuntimeSettings runtime = bfloat16_on_gpu();
  runtime.micro_batch = 1;
  const training::TrainSettings train{.batch = 8};
  const TrainingCase what{train, runtime, 8, {2, 560, 1}, Logits::left_out};
  const auto beside = [&](const PhaseMemory& m) { return m.peak - m.weights - m.masters - m.optimizer - m.sums; };
  runtime.batch_tokens = 1120;
  const PhaseMemory small = training_memory(xxl(), what);
  EXPECT_DOUBLE_EQ(beside(small), small.gradients + small.activations);
  runtime.batch_tokens = 1 << 20;
  runtime.batch_rows = 1024;
  const PhaseMemory large = training_memory(xxl(), what);
  EXPECT_GT(beside(large), large.gradients + large.activations);
  EXPECT_DOUBLE_EQ(large.activations, small.activations);
}

TEST(TrainingMemory, IsLessWhereOnlyInputsOfBlocksAreKept) {
  model::RuntimeSettings runtime = bfloat16_on_gpu();
  const training::TrainSettings train{.batch = 8};
  const TrainingCase what{train, runtime, 8, {16, 560, 1}, Logits::left_out};
  const double all = training_memory(xxl(), what).activations;
  runtime.activation_checkpointing = true;
  EXPECT_LT(training_memory(xxl(), what).activations, 0.5 * all);
}

// No rank has less than the largest tensor, which one rank owns as a whole.
TEST(TrainingMemory, IsSharedByWholeTensors) {
  EXPECT_EQ(largest_share(xxl(), OptimizerKind::adafactor, 1000).elements, 131'596'288);
  EXPECT_NEAR(largest_share(xxl(), OptimizerKind::adafactor, 8).elements, 11'135'332'352.0 / 8, 0.01e9);
}

// The best weights so far are in the memory of the machine; on a CPU that is the same memory.
TEST(TrainingMemory, HasTheBestWeightsOnTheHost) {
  const PhaseMemory gpu = of_training(OptimizerKind::adafactor, 8);
  EXPECT_NEAR(gpu.host / 1e9, 4 * 11.135 / 8 + 4 * 11.135, 0.1);
  model::RuntimeSettings cpu = bfloat16_on_gpu();
  cpu.device = model::DeviceChoice::cpu;
  cpu.micro_batch = 1;
  const training::TrainSettings train{.batch = 8};
  const PhaseMemory m = training_memory(xxl(), {train, cpu, 8, {2, 560, 1}, Logits::left_out});
  EXPECT_EQ(m.host, 0);
  EXPECT_GT(m.peak, gpu.peak + 4 * 11.135e9 / 8);
}

// Keys and values of a token: 2 x 24 x 4096 x 2 = 393,216 bytes; a prompt of 512 tokens 201,326,592 (201 MB), a
// response of 48 tokens 18,874,368 (18.9 MB).
TEST(WritingMemory, SharesTheKeysAndValuesOfAPrompt) {
  const PhaseMemory m = writing_memory(xxl(), bfloat16_on_gpu(), writing_batch(512, 64, 512, 48));
  EXPECT_DOUBLE_EQ(m.cross_cache, 8 * 201'326'592.0);
  EXPECT_DOUBLE_EQ(m.self_cache, 512 * 18'874'368.0);
  EXPECT_DOUBLE_EQ(m.logits, 512 * 32128 * 4.0);
  EXPECT_DOUBLE_EQ(m.weights, 22'270'664'704.0);
  model::RuntimeSettings cpu = bfloat16_on_gpu();
  cpu.device = model::DeviceChoice::cpu;
  const PhaseMemory on_cpu = writing_memory(xxl(), cpu, writing_batch(512, 64, 512, 48));
  EXPECT_DOUBLE_EQ(on_cpu.cross_cache, 2 * m.cross_cache) << "float32 there";
  EXPECT_DOUBLE_EQ(on_cpu.self_cache, m.self_cache);
}

// 119 GB beside the weights: 201,326,592 + 64 x 18,874,368 = 1,409,286,144 a prompt, 84 prompts (5,376 responses). With
// T = 128 201,326,592 + 64 x 50,331,648 = 3,422,552,064, so 34. Logits and the layer in work (64 rows of 128,512 bytes
// and of 3 x 2 x 4096 + 4 x 2 x 4096 + 12 x 64 x 512 = 450,560) are 37,060,608 more: 82 and 34.
TEST(WritingMemory, TellsHowManyPromptsFit) {
  const double memory = 119e9 + 22'270'664'704.0;
  const auto caches = [](double prompts, double target) {
    const PhaseMemory m = writing_memory(xxl(), bfloat16_on_gpu(), {prompts, 64 * prompts, 512, target});
    return m.cross_cache + m.self_cache;
  };
  EXPECT_LE(caches(84, 48), 119e9);
  EXPECT_GT(caches(85, 48), 119e9);
  EXPECT_LE(caches(34, 128), 119e9);
  EXPECT_GT(caches(35, 128), 119e9);
  EXPECT_EQ(most_prompts(xxl(), bfloat16_on_gpu(), 64, {1, 512, 48}, memory), 82);
  EXPECT_EQ(most_prompts(xxl(), bfloat16_on_gpu(), 64, {1, 512, 128}, memory), 34);
  EXPECT_EQ(most_prompts(xxl(), bfloat16_on_gpu(), 64, {1, 512, 48}, 22e9), 0) << "not even the weights fit";
}

TEST(WritingMemory, WritesWholePromptsWhereTheyFit) {
  EXPECT_EQ(writing_batch(512, 64, 1, 1).prompts, 8);
  EXPECT_EQ(writing_batch(500, 64, 1, 1).rows, 7 * 64);
  EXPECT_EQ(writing_batch(32, 64, 1, 1).prompts, 1);
  EXPECT_EQ(writing_batch(32, 64, 1, 1).rows, 32);
}

TEST(ScoringMemory, KeepsToTheLimitsOfRowsAndTokens) {
  const model::RuntimeSettings runtime{.batch_rows = 64, .batch_tokens = 16384};
  EXPECT_EQ(scoring_batch(runtime, 100).rows, 64);
  EXPECT_EQ(scoring_batch(runtime, 1000).rows, 16);
  EXPECT_EQ(scoring_batch(runtime, 20000).rows, 1) << "one input is always scored";
}

TEST(Fitting, IsTheLargestThatFits) {
  const auto runtime = bfloat16_on_gpu();
  const std::int64_t inputs = most_inputs(xxl(), runtime, 608, 80e9);
  ASSERT_GT(inputs, 0);
  const auto peak = [&](std::int64_t rows) {
    return scoring_memory(xxl(), runtime, {static_cast<double>(rows), 608, 1}).peak;
  };
  EXPECT_LE(peak(inputs), 80e9);
  EXPECT_GT(peak(inputs + 1), 80e9);
}

TEST(Fitting, FindsTheMicroBatchOfATraining) {
  const training::TrainSettings train{.batch = 8};
  const TrainingCase what{train, bfloat16_on_gpu(), 8, {16, 560, 1}, Logits::left_out};
  EXPECT_GE(most_examples(xxl(), what, {2, 560, 1}, 80e9), 1) << "T5-XXL with Adafactor fits eight GPUs of 80 GB";
  EXPECT_EQ(most_examples(xxl(), what, {2, 560, 1}, 30e9), 0) << "the states alone have 33 GB";
  EXPECT_EQ(most_examples(xxl(), what, {2, 560, 1}, 1e12), 8) << "no more than the batch has";
}

}  // namespace
}  // namespace westofn::chain
