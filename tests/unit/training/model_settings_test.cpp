// SPDX-License-Identifier: Apache-2.0
// The sections of policy, preference model and reward models.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/config.h"
#include "training/policy_settings.h"
#include "training/preference_settings.h"
#include "training/reward_settings.h"
#include "util/error.h"

namespace westofn::training {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

template <class S>
S read(const std::string& yaml) {
  return config::read<S>(config::Document(yaml, "test.yaml"));
}

template <class S>
std::string round_trip(const std::string& yaml) {
  return config::to_yaml(read<S>(config::to_yaml(read<S>(yaml))));
}

TEST(ModelSettings, HaveThePaperAsDefault) {
  const auto policy = read<PolicySettings>("model: base");
  EXPECT_EQ(policy.train.steps, 4000);
  EXPECT_EQ(policy.train.batch, 32);
  EXPECT_EQ(policy.train.learning_rate, 1e-5);
  EXPECT_EQ(policy.train.optimizer, OptimizerKind::adafactor);
  const RewardSettings reward;
  EXPECT_EQ(reward.train.steps, 20000);
  EXPECT_EQ(reward.train.batch, 8);
}

TEST(ModelSettings, SurviveARoundTrip) {
  const std::string policy = "architecture: {d_model: 32, feed_forward: relu}\ncut: end\ntrain: {steps: 7}\n";
  EXPECT_EQ(round_trip<PolicySettings>(policy), config::to_yaml(read<PolicySettings>(policy)));
  EXPECT_EQ(read<PolicySettings>(policy).architecture->feed_forward, model::FeedForward::relu);
  const std::string preference = "init: policy\nlabel_tokens: [yes, \"no\"]\ntemplate: '{prompt}{a}{b}'\n";
  EXPECT_EQ(round_trip<PreferenceSettings>(preference), config::to_yaml(read<PreferenceSettings>(preference)));
  const std::string reward = "recipe: west\nhuman: none\ninit: base\nwindow: 4\n";
  EXPECT_EQ(round_trip<RewardSettings>(reward), config::to_yaml(read<RewardSettings>(reward)));
  EXPECT_EQ(read<RewardSettings>(reward).recipe, "west");
}

TEST(ModelSettings, AskForAModelOrAnArchitecture) {
  EXPECT_THAT([] { read<PolicySettings>("{}"); }, ThrowsMessage<ConfigError>(HasSubstr("either `model`")));
  EXPECT_THAT([] { read<PolicySettings>("model: a\narchitecture: {}\n"); },
              ThrowsMessage<ConfigError>(HasSubstr("either `model`")));
}

TEST(ModelSettings, RefuseValuesThatMakeNoSense) {
  EXPECT_THAT([] { read<PreferenceSettings>("label_tokens: [A, A]"); },
              ThrowsMessage<ConfigError>(HasSubstr("two different labels")));
  EXPECT_THAT([] { read<PreferenceSettings>("label_tokens: [A]"); },
              ThrowsMessage<ConfigError>(HasSubstr("two different labels")));
  EXPECT_THAT([] { read<RewardSettings>("human: none"); }, ThrowsMessage<ConfigError>(HasSubstr("recipe")));
  EXPECT_THAT([] { read<RewardSettings>("window: 0"); }, ThrowsMessage<ConfigError>(HasSubstr("window")));
}

}  // namespace
}  // namespace westofn::training
