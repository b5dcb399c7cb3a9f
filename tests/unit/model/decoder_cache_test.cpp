// SPDX-License-Identifier: Apache-2.0
#include "model/decoder_cache.h"

#include <gtest/gtest.h>

#include "small_models.h"

namespace westofn::model {
namespace {

/// Feeds three targets a source one token at a time and compares each step with decode() of the whole.
void expect_steps_equal_decode(const T5Config& config, Placement placement, double tolerance) {
  const at::NoGradGuard no_gradients;
  constexpr std::int64_t rows_each = 3;
  constexpr std::int64_t tokens = 25;  // reaches distances that share a bucket
  const T5 model = T5::random(config, 21, placement);
  const TokenBatch sources = make_batch(testing::mixed_sources(), at::kCPU);
  const std::int64_t rows = rows_each * sources.ids_BS.size(0);
  std::vector<tokenizer::Tokens> targets;
  for (int row = 0; row < rows; ++row) {
    auto& target = targets.emplace_back(1, static_cast<int>(config.decoder_start_token_id));
    while (static_cast<std::int64_t>(target.size()) < tokens) target.push_back(1 + (target.back() * 5 + row) % 22);
  }
  const at::Tensor inputs_RT = make_batch(targets, at::kCPU).ids_BS;
  const EncoderOutput once = model.encode(sources);
  const EncoderOutput expanded{once.hidden_BSD.repeat_interleave(rows_each, 0),
                               once.mask_B11S.repeat_interleave(rows_each, 0)};
  const at::Tensor expected_RTD = model.decode(expanded, inputs_RT);

  const CrossCache cross = make_cross_cache(model, once);
  SelfCache self = make_self_cache(model, rows, tokens + 2);
  for (std::int64_t t = 0; t < tokens; ++t) {
    const at::Tensor state_RD = decode_step(model, cross, self, inputs_RT.select(1, t), t);
    EXPECT_LT(testing::largest_difference(state_RD, expected_RTD.select(1, t)), tolerance) << "position " << t;
  }
}

TEST(DecoderCache, StepsEqualTheWholeTarget) {
  expect_steps_equal_decode(testing::gated_config(), {}, 1e-5);
  expect_steps_equal_decode(testing::tied_config(), {}, 1e-5);
}

TEST(DecoderCache, StepsEqualTheWholeTargetInFloat64) {
  expect_steps_equal_decode(testing::gated_config(), testing::in_float64, 1e-12);
}

TEST(DecoderCache, NeitherReadsLaterPositionsNorKeepsGradients) {
  const T5 model = T5::random(testing::gated_config(), 22, {});
  for (const Parameter& parameter : model.parameters()) (void)parameter.value.requires_grad_(true);
  const TokenBatch sources = make_batch(testing::mixed_sources(), at::kCPU);
  const CrossCache cross = make_cross_cache(model, model.encode(sources));
  SelfCache fresh = make_self_cache(model, 3, 4);
  SelfCache dirty = make_self_cache(model, 3, 4);
  for (at::Tensor& keys : dirty.keys_RHTK) keys.fill_(1e3);
  for (at::Tensor& values : dirty.values_RHTK) values.fill_(1e3);
  const at::Tensor ids_R = sources.ids_BS.select(1, 0);
  for (std::int64_t t = 0; t < 3; ++t) {
    const at::Tensor state = decode_step(model, cross, fresh, ids_R, t);
    EXPECT_EQ(testing::largest_difference(state, decode_step(model, cross, dirty, ids_R, t)), 0);
    EXPECT_FALSE(state.requires_grad());
  }
}

}  // namespace
}  // namespace westofn::model
