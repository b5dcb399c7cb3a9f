// SPDX-License-Identifier: Apache-2.0
#include "generation/device_sampler.h"

#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <limits>

#include "support/expect_error.h"
#include "util/philox.h"

namespace westofn::generation {
namespace {

constexpr tokenizer::TokenId end_id = 1;

std::vector<SamplingSettings> all_settings() {
  std::vector<SamplingSettings> all(6);
  all[1].temperature = 0;
  all[2].temperature = 1.5;
  all[3].top_k = 5;
  all[4].top_p = 0.6;
  all[5].top_k = 12;
  all[5].top_p = 0.9;
  return all;
}

TEST(DrawOnDevice, DrawsWhatTheSamplerDraws) {
  constexpr std::int64_t rows = 400;
  const at::Tensor logits = at::randn({rows, 300}).mul_(3);
  // Equal logits, so that the order of ids decides.
  logits.select(1, 40).copy_(logits.select(1, 41));
  RandomSequence random(Philox("test", 1, 0, "uniforms"));
  DrawInputs inputs{logits, {}, {}};
  for (std::int64_t r = 0; r < rows; ++r) {
    inputs.uniforms.push_back(random.uniform());
    inputs.end_tokens.push_back(r % 3 == 0 ? EndToken::masked : EndToken::allowed);
  }
  for (const SamplingSettings& settings : all_settings()) {
    const auto draws = draw_on_device(inputs, settings, end_id);
    Sampler sampler(settings, end_id);
    for (std::size_t r = 0; r < draws.size(); ++r) {
      const std::span<const float> row(logits.const_data_ptr<float>() + 300 * r, 300);
      const Draw expected = sampler.draw(row, inputs.uniforms[r], inputs.end_tokens[r]);
      EXPECT_EQ(draws[r].token, expected.token);
      EXPECT_NEAR(draws[r].log_likelihood, expected.log_likelihood, 1e-5);
    }
  }
}

TEST(DrawOnDevice, DrawsATokenThatCanBeDrawnAtTheLastUniform) {
  const at::Tensor logits = at::tensor({0.0F, 0.0F, -200.0F, -200.0F}).unsqueeze(0);
  const DrawInputs inputs{logits, {std::nextafter(1.0, 0.0)}, {EndToken::allowed}};
  EXPECT_EQ(draw_on_device(inputs, {}, end_id).at(0).token, 1);
}

TEST(DrawOnDevice, RefusesLogitsThatAreNoNumbers) {
  const at::Tensor logits = at::tensor({0.0F, std::numeric_limits<float>::quiet_NaN(), 1.0F}).unsqueeze(0);
  testing::expect_data_error(
      [&] {
        (void)draw_on_device({logits, {0.5}, {EndToken::allowed}}, {}, end_id);
      },
      "not finite");
}

}  // namespace
}  // namespace westofn::generation
