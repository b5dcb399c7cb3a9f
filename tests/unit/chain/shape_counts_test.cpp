// SPDX-License-Identifier: Apache-2.0
#include "chain/estimate/shape_counts.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "chain/estimate/work.h"
#include "model/t5.h"
#include "unit/chain/xxl.h"

namespace westofn::chain {
namespace {

using testing::xxl;

TEST(ShapeCounts, ListsTheWeightsOfEveryKindOfModel) {
  for (const bool tied : {false, true}) {
    for (const auto kind : {model::FeedForward::relu, model::FeedForward::gated_gelu}) {
      model::T5Config config{.vocab_size = 40, .d_model = 8, .d_kv = 6, .d_ff = 20, .num_layers = 2};
      config.num_decoder_layers = 3;
      config.num_heads = 2;
      config.feed_forward = kind;
      config.tie_word_embeddings = tied;
      std::vector<std::int64_t> real;
      for (const auto& parameter : model::T5::random(config, 1, {}).parameters()) {
        real.push_back(parameter.value.numel());
      }
      std::vector<std::int64_t> listed;
      for (const auto& shape : weight_shapes(config)) listed.push_back(shape.elements());
      std::ranges::sort(real);
      std::ranges::sort(listed);
      EXPECT_EQ(listed, real);
      std::int64_t sum = 0;
      for (const std::int64_t elements : real) sum += elements;
      EXPECT_EQ(count_weights(config).total(), sum);
      EXPECT_EQ(count_weights(config).head == 0, tied);
    }
  }
  EXPECT_EQ(count_weights(model::read_t5_config(TOY_BASE_MODEL)).total(), 217'088);
}

// Encoder layer: attention 4 x 4096^2 = 67,108,864; feed-forward 3 x 4096 x 10240 = 125,829,120; norms 2 x 4096;
// together
//   192,946,176. 24 of them, 32 x 64 biases and a norm of 4096: 4,630,714,368.
// Decoder layer: attentions 8 x 4096^2 = 134,217,728; the same feed-forward; norms 3 x 4096; together 260,059,136.
//   24 of them, 32 x 64 and 4096: 6,241,425,408.
// Embedding and head: 32128 x 4096 = 131,596,288 each. Together 11,135,332,352.
TEST(ShapeCounts, CountT5Xxl) {
  const WeightCounts weights = count_weights(xxl());
  EXPECT_EQ(weights.encoder, 4'630'714'368);
  EXPECT_EQ(weights.decoder, 6'241'425'408);
  EXPECT_EQ(weights.embedding, 131'596'288);
  EXPECT_EQ(weights.head, 131'596'288);
  EXPECT_EQ(weights.total(), 11'135'332'352);
}

// Encoder, a token: 2 x 24 x (67,108,864 + 125,829,120) = 9,261,023,232; attention 4 x 24 x 4096 = 393,216 for a pair
// of tokens. S = 512: 9,261,023,232 x 512 = 4,741,643,894,784, and 393,216 x 512^2 = 103,079,215,104. Keys and values
// of a source token: 2 x 24 x 2 x 4096^2 = 1,610,612,736; x 512 = 824,633,720,832.
TEST(ShapeCounts, CountTheReadingOfAPromptByT5Xxl) {
  EXPECT_DOUBLE_EQ(encoder_operations(xxl(), 512), 4'741'643'894'784.0 + 103'079'215'104.0);
  EXPECT_DOUBLE_EQ(cross_projection_operations(xxl(), 512), 824'633'720'832.0);
  EXPECT_EQ(cache_elements(xxl()), 2 * 24 * 4096);
}

// What one step multiplies with: decoder matrices 24 x (134,217,728 + 125,829,120) = 6,241,124,352, without the keys
// and values of the source, 24 x 2 x 4096^2 = 805,306,368, with the head 131,596,288: 5,567,414,272, so 11,134,828,544
// operations. Attention: 393,216 for each token that is seen: at the third token 3 of its own and S of the source.
TEST(ShapeCounts, CountTheWritingOfATokenByT5Xxl) {
  const double three = decoder_operations(xxl(), 3, 512, Logits::computed);
  const double two = decoder_operations(xxl(), 2, 512, Logits::computed);
  EXPECT_DOUBLE_EQ(three - two, 11'134'828'544.0 + 393'216.0 * (3 + 512));
  EXPECT_DOUBLE_EQ(
      decoder_operations(xxl(), 1, 0, Logits::computed) - decoder_operations(xxl(), 1, 0, Logits::left_out),
      2 * 131'596'288.0);
}

// S = 608, one order: encoder 9,261,023,232 x 608 + 393,216 x 608^2 = 5,776,059,924,480; keys and values
// 979,252,543,488; decoder 11,134,828,544 + 393,216 x 609 = 11,374,297,088. Together 6.77 TFLOP; 94 matches in both
// orders: 1.27 PFLOP.
TEST(ShapeCounts, CountATournamentOfT5Xxl) {
  const double score = score_operations(xxl(), 608, Logits::computed);
  EXPECT_DOUBLE_EQ(score, 5'776'059'924'480.0 + 979'252'543'488.0 + 11'374'297'088.0);
  EXPECT_NEAR(188 * score, 1.272e15, 1e12);
}

// S = 560: encoder 5,186,173,009,920 + 123,312,537,600; keys and values 901,943,132,160; decoder without the head
// 2 x 5,435,817,984 + 393,216 x 561 = 11,092,230,144. Two responses, three passes: 37.3 TFLOP.
TEST(ShapeCounts, CountTheTrainingOfARewardModelOnOnePair) {
  const double forward = score_operations(xxl(), 560, Logits::left_out);
  EXPECT_DOUBLE_EQ(forward, 5'186'173'009'920.0 + 123'312'537'600.0 + 901'943'132'160.0 + 11'092'230'144.0);
  EXPECT_NEAR(6 * forward, 37.3e12, 0.05e12);
}

TEST(Work, CountsMatchesAndScores) {
  const auto count = [](selection::Rule rule, std::int64_t n) { return count_matches({.rule = rule, .n = n}); };
  EXPECT_EQ(count(selection::Rule::tournament, 64), 32 + 31 + 31 + 1);
  EXPECT_EQ(count(selection::Rule::tournament, 2), 1);
  EXPECT_EQ(count(selection::Rule::exact, 64), 2016);
  EXPECT_EQ(count(selection::Rule::self_training, 64), 1);
  EXPECT_EQ(count(selection::Rule::random, 64), 0);
  EXPECT_EQ(count_scores({.n = 64}), 190);
  EXPECT_EQ(count_scores({.n = 64, .orders = synthesis::Orders::one}), 95);
  EXPECT_EQ(count_scores({.rule = selection::Rule::best_random, .n = 64}), 2) << "the tournament knows the others";
}

TEST(Work, CountsTheValidationsOfATraining) {
  EXPECT_EQ(count_validations({.steps = 0, .validate_every = 100}), 1);
  EXPECT_EQ(count_validations({.steps = 200, .validate_every = 100}), 3);
  EXPECT_EQ(count_validations({.steps = 250, .validate_every = 100}), 4) << "the last step is always validated";
}

TEST(Work, KnowsThatFewPartsLeaveRanksIdle) {
  EXPECT_EQ(busy_ranks(4, 64), 4);
  EXPECT_EQ(busy_ranks(128, 64), 64);
  EXPECT_DOUBLE_EQ(busy_ranks(65, 64), 32.5) << "all wait for the rank with two";
}

// Two steps of 3 examples, 3 passes of 10 operations each; validated before, after step 1 and after step 2, 5 rows
// of 7. 4 ranks: 3/4 of 2 bytes of gradient (one micro-batch a rank) and 2 of weight, of 100 weights, twice.
TEST(Work, AddsUpATraining) {
  const PhaseWork work = training_work(
      {.steps = 2, .batch = 3, .validate_every = 1}, {.micro_batch = 1}, 4,
      {.forward = 10, .read = 4, .validation = 7, .validation_rows = 5, .weights = 100, .weight_bytes = 2});
  EXPECT_EQ(work.units, 6);
  EXPECT_EQ(work.operations, 2 * 3 * 3 * 10 + 3 * 5 * 7);
  EXPECT_EQ(work.tokens_read, 24);
  EXPECT_EQ(work.busy_ranks, 3);
  EXPECT_EQ(work.exchanged_bytes, 2 * 0.75 * 4 * 100);
}

}  // namespace
}  // namespace westofn::chain
