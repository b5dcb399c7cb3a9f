// SPDX-License-Identifier: Apache-2.0
// What engines count of their own work.
#include "inference/work.h"

#include <gtest/gtest.h>

#include <thread>

#include "inference/decoder.h"
#include "support/small_models.h"

namespace westofn::inference {
namespace {

using testing::gated_config;
using testing::mixed_sources;
using tokenizer::Tokens;

constexpr std::int64_t source_tokens = 3 + 26 + 7;  // of mixed_sources()

class WorkOf : public ::testing::TestWithParam<Choice> {
 protected:
  WorkOf() { work() = {}; }

  model::T5 t5_ = model::T5::random(gated_config(), 3, {at::kCPU, at::kFloat});
  Engine engine_{t5_, t5_.placement(), GetParam()};
  bool pads_ = GetParam() == Choice::tensors;
};
INSTANTIATE_TEST_SUITE_P(Engines, WorkOf, ::testing::Values(Choice::automatic, Choice::tensors),
                         [](const auto& test) { return test.param == Choice::tensors ? "Tensors" : "Kernels"; });

TEST_P(WorkOf, ScoringIsOneStepForEveryInput) {
  (void)engine_.first_states(engine_.encode(mixed_sources()));
  EXPECT_EQ(work().encoder_tokens, source_tokens);
  EXPECT_EQ(work().encoder_rows, pads_ ? 3 * 64 : source_tokens);
  EXPECT_EQ(work().decoder_tokens, 3);
  EXPECT_EQ(work().decoder_rows, 3);
  EXPECT_EQ(work().decoder_steps, 1);
}

TEST_P(WorkOf, LikelihoodsReadEveryTokenOfTheTargets) {
  const std::vector<Tokens> targets = {{6, 7, 2, 1}, {1}, {3, 1}};
  (void)engine_.log_likelihoods(engine_.encode(mixed_sources()), targets);
  EXPECT_EQ(work().decoder_tokens, 7);
  EXPECT_EQ(work().decoder_rows, pads_ ? 3 * 64 : 7);
  EXPECT_EQ(work().decoder_steps, 1);
}

TEST_P(WorkOf, RowsThatHaveEndedAreComputedButNotLive) {
  Decoder decoder(engine_, {3, 1, 3, 3, 4});
  decoder.put_sources(std::vector<Tokens>{{5, 9, 1}}, std::vector<std::int64_t>{0});
  for (std::int64_t step = 0; step < 2; ++step) {
    (void)decoder.step(
        std::vector<DecoderRow>{{3, 0, 0, step, true}, {3, 1, 0, step, step == 0}, {3, 2, 0, step, true}});
  }
  EXPECT_EQ(work().encoder_tokens, 3);
  EXPECT_EQ(work().decoder_tokens, 3 + 2);
  EXPECT_EQ(work().decoder_rows, 6);
  EXPECT_EQ(work().decoder_steps, 2);
}

TEST_P(WorkOf, ProductsAndAttentionAreTimedApart) {
  (void)engine_.first_states(engine_.encode(mixed_sources()));
  EXPECT_GT(work().product_s, 0);
  EXPECT_GT(work().attention_s, 0);
}

TEST_P(WorkOf, EachThreadHasItsOwn) {
  std::thread([&] {
    (void)engine_.encode(mixed_sources());
    EXPECT_EQ(work().encoder_tokens, source_tokens);
  }).join();
  EXPECT_EQ(work().encoder_tokens, 0);
}

}  // namespace
}  // namespace westofn::inference
