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
  EXPECT_EQ(reward.train.dropout, 0);
  EXPECT_EQ(reward.train.early_stop, 0);
  EXPECT_EQ(clip_limit(reward.train), 0) << "Adafactor limits the change of each tensor by itself";
}

TEST(ModelSettings, SurviveARoundTrip) {
  const std::string policy = "architecture: {d_model: 32, feed_forward: relu}\ncut: end\ntrain: {steps: 7}\n";
  EXPECT_EQ(round_trip<PolicySettings>(policy), config::to_yaml(read<PolicySettings>(policy)));
  EXPECT_EQ(read<PolicySettings>(policy).architecture->feed_forward, model::FeedForward::relu);
  const std::string preference = "init: policy\nlabel_tokens: [yes, \"no\"]\ntemplate: '{prompt}{a}{b}'\n";
  EXPECT_EQ(round_trip<PreferenceSettings>(preference), config::to_yaml(read<PreferenceSettings>(preference)));
  const std::string reward =
      "recipe: west\nhuman: none\ninit: base\nwindow: 4\nsoft_labels: true\nmargin: 0.5\nmargin_scale: confidence\n"
      "centring: 0.01\ntrain: {schedule: inverse_square_root, clip_norm: 0, adam_beta2: 0.95, dropout: 0.1, "
      "label_smoothing: 0.1, early_stop: 3}\n";
  EXPECT_EQ(round_trip<RewardSettings>(reward), config::to_yaml(read<RewardSettings>(reward)));
  EXPECT_EQ(read<RewardSettings>(reward).recipe, "west");
}

TEST(TrainSettings, ClipAdamwAtOneAndAdafactorNotAtAllUnlessToldTo) {
  EXPECT_EQ(clip_limit(read<TrainSettings>("optimizer: adamw")), 1);
  EXPECT_EQ(clip_limit(read<TrainSettings>("optimizer: adafactor")), 0);
  EXPECT_EQ(clip_limit(read<TrainSettings>("{optimizer: adamw, clip_norm: 0}")), 0);
  EXPECT_EQ(clip_limit(read<TrainSettings>("{optimizer: adafactor, clip_norm: 0.5}")), 0.5);
}

TEST(TrainSettings, KnowFourSchedules) {
  for (const char* name : {"constant", "linear", "inverse_square_root", "cosine"}) {
    EXPECT_EQ(config::enum_name(read<TrainSettings>(std::string("schedule: ") + name).schedule), name);
  }
}

TEST(TrainSettings, RefuseValuesThatMakeNoSense) {
  for (const char* wrong :
       {"schedule: cosinus", "clip_norm: -1", "weight_decay: -0.1", "adam_beta1: 1", "adam_beta2: 1", "adam_eps: 0",
        "dropout: 0.91", "dropout: -0.1", "label_smoothing: 0.5", "label_smoothing: -0.1", "early_stop: -1"}) {
    const std::string key = std::string(wrong).substr(0, std::string(wrong).find(':'));
    EXPECT_THAT([&] { read<TrainSettings>(wrong); }, ThrowsMessage<ConfigError>(HasSubstr(key))) << wrong;
  }
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
  EXPECT_THAT([] { read<PreferenceSettings>("window: 0"); }, ThrowsMessage<ConfigError>(HasSubstr("window")));
  EXPECT_THAT([] { read<PolicySettings>("{model: a, window: 0}"); }, ThrowsMessage<ConfigError>(HasSubstr("window")));
  EXPECT_THAT([] { read<RewardSettings>("margin: -1"); }, ThrowsMessage<ConfigError>(HasSubstr("margin")));
  EXPECT_THAT([] { read<RewardSettings>("centring: -1"); }, ThrowsMessage<ConfigError>(HasSubstr("centring")));
  EXPECT_THAT([] { read<RewardSettings>("margin_scale: wide"); },
              ThrowsMessage<ConfigError>(HasSubstr("margin_scale")));
}

}  // namespace
}  // namespace westofn::training
