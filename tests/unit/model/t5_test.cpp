// SPDX-License-Identifier: Apache-2.0
#include "model/t5.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "support/plain_t5.h"
#include "support/small_models.h"

namespace westofn::model {
namespace {

using testing::find_parameter;
using testing::gated_config;
using testing::in_float64;
using testing::largest_difference;
using testing::mixed_sources;
using testing::PlainT5;
using testing::tied_config;

at::Tensor as_tensor(const PlainT5::Rows& rows) {
  std::vector<double> all;
  for (const auto& row : rows) all.insert(all.end(), row.begin(), row.end());
  return at::tensor(all, at::kDouble).view({static_cast<std::int64_t>(rows.size()), -1});
}

/// Decoder inputs of the rows of mixed_sources(), padded at their ends.
std::vector<tokenizer::Tokens> mixed_targets(std::int64_t start) {
  const auto first = static_cast<std::int32_t>(start);
  return {{first, 6, 7, 2, 9, 21, 3, 3, 14, 15, 16, 2}, {first, 12}, {first, 3, 3, 5, 17}};
}

class EveryKind : public ::testing::TestWithParam<T5Config> {};
INSTANTIATE_TEST_SUITE_P(T5, EveryKind, ::testing::Values(gated_config(), tied_config()),
                         [](const auto& kind) { return kind.param.tie_word_embeddings ? "Tied" : "Gated"; });

TEST_P(EveryKind, EqualsThePlainModelRowByRow) {
  const at::NoGradGuard no_gradients;
  const T5 model = T5::random(GetParam(), 3, in_float64);
  const PlainT5 plain(model);
  const auto sources = mixed_sources();
  const auto targets = mixed_targets(GetParam().decoder_start_token_id);
  const EncoderOutput encoded = model.encode(make_batch(sources, at::kCPU));
  const at::Tensor states = model.decode(encoded, make_batch(targets, at::kCPU).ids_BS);
  const at::Tensor first = model.first_state(make_batch(sources, at::kCPU));
  for (std::size_t row = 0; row < sources.size(); ++row) {
    const auto b = static_cast<std::int64_t>(row);
    const auto expected_source = plain.encode(sources[row]);
    const auto expected = plain.decode(expected_source, targets[row]);
    const auto length = static_cast<std::int64_t>(targets[row].size());
    const auto source_length = static_cast<std::int64_t>(sources[row].size());
    EXPECT_LT(largest_difference(encoded.hidden_BSD[b].narrow(0, 0, source_length), as_tensor(expected_source)), 1e-10);
    EXPECT_LT(largest_difference(states[b].narrow(0, 0, length), as_tensor(expected)), 1e-10);
    EXPECT_LT(largest_difference(model.logits(states[b].narrow(0, 0, length)), as_tensor(plain.logits(expected))),
              1e-10);
    EXPECT_LT(largest_difference(first[b], as_tensor(expected)[0]), 1e-10);
  }
}

TEST_P(EveryKind, ARowAloneIsTheRowInABatch) {
  const at::NoGradGuard no_gradients;
  const T5 model = T5::random(GetParam(), 4, {});
  const auto sources = mixed_sources();
  const at::Tensor together = model.first_state(make_batch(sources, at::kCPU));
  for (std::size_t row = 0; row < sources.size(); ++row) {
    const at::Tensor alone = model.first_state(make_batch(std::span(sources).subspan(row, 1), at::kCPU));
    EXPECT_LT(largest_difference(together[static_cast<std::int64_t>(row)], alone[0]), 1e-5);
  }
}

TEST_P(EveryKind, Bfloat16IsNearFloat32) {
  const at::NoGradGuard no_gradients;
  const T5 wide = T5::random(GetParam(), 5, {});
  const T5 narrow = T5::random(GetParam(), 5, {at::kCPU, at::kBFloat16});
  const TokenBatch batch = make_batch(mixed_sources(), at::kCPU);
  const at::Tensor expected = wide.logits(wide.first_state(batch));
  const at::Tensor found = narrow.logits(narrow.first_state(batch));
  EXPECT_EQ(found.scalar_type(), at::kFloat);
  EXPECT_LT(largest_difference(found, expected), 0.1 * expected.abs().max().item<double>());
}

/// A number that depends on all outputs.
at::Tensor loss_of(const T5& model) {
  const EncoderOutput encoded = model.encode(make_batch(mixed_sources(), at::kCPU));
  const auto targets = mixed_targets(model.config().decoder_start_token_id);
  const at::Tensor logits = model.logits(model.decode(encoded, make_batch(targets, at::kCPU).ids_BS));
  return logits.log_softmax(-1).select(2, 7).mean();
}

TEST_P(EveryKind, GradientsOfEveryParameterEqualFiniteDifferences) {
  const T5 model = T5::random(GetParam(), 6, in_float64);
  for (const Parameter& parameter : model.parameters()) (void)parameter.value.requires_grad_(true);
  loss_of(model).backward();
  const at::NoGradGuard no_gradients;
  constexpr double step = 1e-5;
  for (const Parameter& parameter : model.parameters()) {
    ASSERT_TRUE(parameter.value.grad().defined()) << parameter.name;
    // The number with the steepest slope: others may have none, such as words that do not occur.
    const at::Tensor slopes = parameter.value.grad().flatten();
    const auto at_number = slopes.abs().argmax().item<std::int64_t>();
    const auto number = parameter.value.flatten()[at_number];
    const double slope = slopes[at_number].item<double>();
    EXPECT_NE(slope, 0) << parameter.name;
    number.add_(step);
    const double above = loss_of(model).item<double>();
    number.sub_(2 * step);
    const double below = loss_of(model).item<double>();
    number.add_(step);
    EXPECT_NEAR((above - below) / (2 * step), slope, 1e-6 * std::max(1.0, std::abs(slope))) << parameter.name;
  }
}

TEST_P(EveryKind, ParametersAreInOrderOfNamesAndShared) {
  const at::NoGradGuard no_gradients;
  const T5 model = T5::random(GetParam(), 7, {});
  const auto parameters = model.parameters();
  EXPECT_TRUE(std::is_sorted(parameters.begin(), parameters.end(),
                             [](const auto& a, const auto& b) { return a.name < b.name; }));
  const bool tied = GetParam().tie_word_embeddings;
  EXPECT_EQ(find_parameter(model, "lm_head.weight").defined(), !tied);
  const T5 copy = model.clone();
  const TokenBatch batch = make_batch(mixed_sources(), at::kCPU);
  const at::Tensor before = model.logits(model.first_state(batch));
  find_parameter(model, tied ? "shared.weight" : "lm_head.weight").mul_(2);
  const at::Tensor after = model.logits(model.first_state(batch));
  EXPECT_FALSE(at::equal(before, after)) << "a parameter is what the model computes with";
  EXPECT_TRUE(at::equal(copy.logits(copy.first_state(batch)), before)) << "a clone has weights of its own";
}

TEST_P(EveryKind, RandomModelsStartAsTransformersStartsThem) {
  T5Config config = GetParam();
  config.d_model = 64;
  config.d_kv = 16;
  config.d_ff = 256;
  config.vocab_size = 500;
  const T5 model = T5::random(config, 8, {});
  const auto expect_spread = [&](const std::string& name, double deviation) {
    const at::Tensor value = find_parameter(model, name);
    ASSERT_TRUE(value.defined()) << name;
    const double count = static_cast<double>(value.numel());
    EXPECT_NEAR(value.std().item<double>() / deviation, 1, 5 / std::sqrt(2 * count)) << name;
    EXPECT_NEAR(value.mean().item<double>() / deviation, 0, 5 / std::sqrt(count)) << name;
  };
  expect_spread("shared.weight", 1);
  if (!config.tie_word_embeddings) expect_spread("lm_head.weight", 1);
  expect_spread("encoder.block.1.layer.0.SelfAttention.q.weight", std::pow(64 * 16, -0.5));
  expect_spread("decoder.block.2.layer.1.EncDecAttention.k.weight", std::pow(64, -0.5));
  expect_spread("decoder.block.2.layer.1.EncDecAttention.v.weight", std::pow(64, -0.5));
  expect_spread("decoder.block.0.layer.0.SelfAttention.o.weight", std::pow(3 * 16, -0.5));
  expect_spread("decoder.block.0.layer.2.DenseReluDense.wo.weight", std::pow(256, -0.5));
  expect_spread("encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", std::pow(64, -0.5));
  EXPECT_TRUE((find_parameter(model, "encoder.final_layer_norm.weight") == 1).all().item<bool>());
}

TEST(RandomT5, DependsOnTheSeedAndTheNameOnly) {
  T5Config deeper = gated_config();
  deeper.num_layers = 5;
  const std::string name = "encoder.block.1.layer.0.SelfAttention.q.weight";
  const at::Tensor one = find_parameter(T5::random(gated_config(), 9, {}), name);
  EXPECT_TRUE(at::equal(one, find_parameter(T5::random(deeper, 9, {}), name)));
  EXPECT_FALSE(at::equal(one, find_parameter(T5::random(gated_config(), 10, {}), name)));
}

}  // namespace
}  // namespace westofn::model
