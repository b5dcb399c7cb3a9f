// SPDX-License-Identifier: Apache-2.0
// The floors of T5-XXL on a device of 4.3e12 B/s and 790e12 FLOP/s, worked out by hand beforehand.
#include "support/speed_floor.h"

#include <gtest/gtest.h>

#include "support/device_t5.h"

namespace westofn::testing {
namespace {

SpeedFloor xxl() { return {v1_1_config(4096, 10240, 24, 64), {4.3e12, 790e12}}; }

TEST(SpeedFloor, HasTheWeightsOfXxl) {
  EXPECT_NEAR(xxl().weights() / 1e9, 11.004, 0.001);
}  // 11.135 with the embedding

TEST(SpeedFloor, OfGenerationIsTheOneByHand) {
  const auto milliseconds_a_prompt = [](double prompts) {
    return 1e3 * xxl().generation_s(prompts, 64, 512, 48) / prompts;
  };
  EXPECT_NEAR(milliseconds_a_prompt(1), 140.9, 0.1);
  EXPECT_NEAR(milliseconds_a_prompt(2), 78.7, 0.1);
  EXPECT_NEAR(milliseconds_a_prompt(3), 59.9, 0.1);
  EXPECT_NEAR(milliseconds_a_prompt(8), 59.9, 0.1);
}

TEST(SpeedFloor, OfScoringIsTheOneByHand) { EXPECT_NEAR(1e3 * xxl().scoring_s(608), 8.57, 0.02); }

TEST(SpeedFloor, CountsTheWeightsThatAModelHas) {
  const model::T5Config config = v1_1_config(64, 128, 2, 2);
  std::int64_t products = 0;
  for (const auto& parameter : device_random_t5(config, {}).parameters()) {
    if (parameter.value.dim() == 2 && parameter.name.find("bias") == std::string::npos)
      products += parameter.value.numel();
  }
  const std::int64_t embedding = config.vocab_size * config.d_model;
  EXPECT_EQ(SpeedFloor(config, {1, 1}).weights(), static_cast<double>(products - embedding));
}

TEST(DeviceRandomT5, HasTheShapesAndSpreadOfARandomT5) {
  model::T5Config config = v1_1_config(64, 128, 1, 2);
  config.vocab_size = 300;
  const auto expected = model::T5::random(config, 1, {}).parameters();
  const auto found = device_random_t5(config, {}).parameters();
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].name, expected[i].name);
    ASSERT_EQ(found[i].value.sizes(), expected[i].value.sizes());
    const auto spread = [](const at::Tensor& value) { return value.square().mean().sqrt().item<double>(); };
    EXPECT_NEAR(spread(found[i].value) / spread(expected[i].value), 1, 0.5) << found[i].name;
  }
}

}  // namespace
}  // namespace westofn::testing
