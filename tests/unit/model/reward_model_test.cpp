// SPDX-License-Identifier: Apache-2.0
#include "model/reward_model.h"

#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include <cmath>

#include "io/safetensors_writer.h"
#include "model/tensor_bytes.h"
#include "support/expect_error.h"
#include "support/small_models.h"
#include "support/temporary_folder.h"

namespace westofn::model {
namespace {

using testing::expect_data_error;
using testing::gated_config;
using testing::mixed_sources;
using testing::TemporaryFolder;

RewardModel random_reward_model(std::uint64_t seed) {
  T5 t5 = T5::random(gated_config(), seed, {});
  RewardHead head = random_head(t5, seed);
  head.bias.fill_(0.25);
  return {std::move(t5), std::move(head), std::nullopt};
}

TEST(RewardModel, IsALinearFunctionOfTheFirstState) {
  const RewardModel model = random_reward_model(1);
  const TokenBatch batch = make_batch(mixed_sources(), at::kCPU);
  const at::Tensor rewards = reward(model, batch);
  const at::Tensor states = model.t5.first_state(batch);
  ASSERT_EQ(rewards.dim(), 1);
  for (std::int64_t row = 0; row < 3; ++row) {
    double expected = 0.25;
    for (std::int64_t d = 0; d < gated_config().d_model; ++d) {
      expected += states[row][d].item<double>() * model.head.weight_D[d].item<double>();
    }
    EXPECT_NEAR(rewards[row].item<double>(), expected, 1e-5);
  }
}

TEST(RewardModel, HeadStartsWithTheSpreadOfTheModelWidth) {
  T5Config config = gated_config();
  config.d_model = 1024;
  config.num_layers = config.num_decoder_layers = 1;
  const T5 t5 = T5::random(config, 2, {});
  const RewardHead head = random_head(t5, 2);
  EXPECT_NEAR(head.weight_D.std().item<double>() * 32, 1, 0.12);
  EXPECT_EQ(head.bias.item<float>(), 0);
  EXPECT_TRUE(at::equal(head.weight_D, random_head(t5, 2).weight_D));
  EXPECT_FALSE(at::equal(head.weight_D, random_head(t5, 3).weight_D));
}

TEST(RewardModel, GradientsReachTheHeadAndTheModelInBfloat16Too) {
  T5 t5 = T5::random(gated_config(), 3, {at::kCPU, at::kBFloat16});
  RewardHead head = random_head(t5, 3);
  const RewardModel model{std::move(t5), std::move(head), std::nullopt};
  const auto all = parameters(model);
  for (const Parameter& parameter : all) (void)parameter.value.requires_grad_(true);
  const at::Tensor rewards = reward(model, make_batch(mixed_sources(), at::kCPU));
  EXPECT_EQ(rewards.scalar_type(), at::kFloat);
  rewards.square().sum().backward();
  for (const Parameter& parameter : all) {
    if (parameter.name == "lm_head.weight") continue;  // a reward does not use it
    EXPECT_TRUE(parameter.value.grad().defined()) << parameter.name;
  }
  EXPECT_EQ(model.head.weight_D.grad().scalar_type(), at::kFloat);
}

TEST(RewardModel, LoadsWhatWasSaved) {
  const RewardModel model = random_reward_model(4);
  for (const auto& scale : {std::optional<ScoreScale>(), std::optional<ScoreScale>({-0.1, 2.75})}) {
    const TemporaryFolder folder;
    save_t5(folder.path(), model.t5, {}, "");
    save_reward_head(folder.path(), model.head, scale);
    const RewardModel loaded = load_reward_model(folder.path(), {});
    const auto expected = parameters(model);
    const auto found = parameters(loaded);
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) EXPECT_TRUE(at::equal(found[i].value, expected[i].value));
    ASSERT_EQ(loaded.scale.has_value(), scale.has_value());
    if (!scale) continue;
    EXPECT_EQ(loaded.scale->mean, scale->mean);
    EXPECT_EQ(loaded.scale->standard_deviation, scale->standard_deviation);
  }
}

TEST(RewardModel, RefusesAHeadThatDoesNotFit) {
  const RewardModel model = random_reward_model(5);
  const TemporaryFolder folder;
  save_t5(folder.path(), model.t5, {}, "");
  const auto load = [&] { (void)load_reward_model(folder.path(), {}); };
  expect_data_error(load, "reward_head.safetensors");
  save_reward_head(folder.path(), {model.head.weight_D.narrow(0, 0, 7), model.head.bias}, {});
  expect_data_error(load, "'weight' has shape [1, 7]");
  save_reward_head(folder.path(), model.head, ScoreScale{0, 0});
  expect_data_error(load, "'score_standard_deviation'");
  save_reward_head(folder.path(), model.head, ScoreScale{NAN, 1});
  expect_data_error(load, "'score_mean'");
  save_reward_head(folder.path(), {model.head.weight_D / 0, model.head.bias}, {});
  expect_data_error(load, "'weight' holds a number that is not finite");
  const SavedTensors other(std::vector<Parameter>{{"out_proj.weight", model.head.weight_D}});
  io::write_safetensors(folder / "reward_head.safetensors", other.tensors(), {});
  expect_data_error(load, "'out_proj.weight' is not part of the head");
}

}  // namespace
}  // namespace westofn::model
