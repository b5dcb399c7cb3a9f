// SPDX-License-Identifier: Apache-2.0
#include "chain/estimate.h"

#include <gtest/gtest.h>

#include "config/config.h"
#include "model/t5.h"

namespace westofn::chain {
namespace {

std::int64_t elements(const model::T5& t5) {
  std::int64_t count = 0;
  for (const auto& parameter : t5.parameters()) count += parameter.value.numel();
  return count;
}

TEST(Estimate, CountsTheWeightsOfEveryKindOfModel) {
  for (const bool tied : {false, true}) {
    for (const auto kind : {model::FeedForward::relu, model::FeedForward::gated_gelu}) {
      model::T5Config config{.vocab_size = 40, .d_model = 8, .d_kv = 6, .d_ff = 20, .num_layers = 2};
      config.num_decoder_layers = 3;
      config.num_heads = 2;
      config.feed_forward = kind;
      config.tie_word_embeddings = tied;
      EXPECT_EQ(count_parameters(config), elements(model::T5::random(config, 1, {})));
    }
  }
  EXPECT_EQ(count_parameters(model::read_t5_config(TOY_BASE_MODEL)), 217'088);
}

TEST(Estimate, SharesMastersAndOptimizerStateOverTheRanks) {
  const model::T5Config config = model::read_t5_config(TOY_BASE_MODEL);
  const training::TrainSettings train{.batch = 32, .optimizer = training::OptimizerKind::adamw};
  const TrainingMemory one = training_memory(config, train, {}, 1);
  const TrainingMemory four = training_memory(config, train, {}, 4);
  EXPECT_EQ(one.masters, 4 * four.masters);
  EXPECT_EQ(one.optimizer, 4 * four.optimizer);
  EXPECT_EQ(one.weights, four.weights);
  EXPECT_LT(four.gradients, one.gradients);
}

TEST(Estimate, NamesEveryModelAndRecipe) {
  const auto experiment = config::read<Experiment>(
      config::Document(std::string("name: x\ndata: {world: {}}\npolicy: {model: ") + TOY_BASE_MODEL + "}\n", "x.yaml"));
  const std::string text = estimate(experiment, 8);
  for (const char* name : {"sft", "preference", "reward-hf50", "reward-west_of_n", "recipe-west_of_n", "95 matches"}) {
    EXPECT_NE(text.find(name), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace westofn::chain
