// SPDX-License-Identifier: Apache-2.0
// What `inspect` says of model folders, and the models that experiments name.
#include "chain/model_folder.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <memory>

#include "chain/given_model.h"
#include "config/config.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace westofn::chain {
namespace {

using testing::expect_data_error;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::TemporaryFolder;

/// A T5 of the first kind, tied, with the tokenizer of the toy model.
class TiedFolder : public ::testing::Test {
 protected:
  TiedFolder() {
    model::T5Config config = model::read_t5_config(TOY_BASE_MODEL);
    config.vocab_size = 300;
    config.feed_forward = model::FeedForward::relu;
    config.tie_word_embeddings = config.scale_decoder_outputs = true;
    model_ = std::make_unique<model::T5>(model::T5::random(config, 1, {}));
    model::save_t5(path(), *model_, {}, testing::read_all(TOY_BASE_MODEL "/spiece.model"));
  }
  [[nodiscard]] std::string path() const { return folder_.path().string(); }
  [[nodiscard]] std::string describe() const { return describe_model_folder(path()); }

  TemporaryFolder folder_;
  std::unique_ptr<model::T5> model_;
};

TEST(ModelFolder, OfTheToyModelIsDescribed) {
  const std::string text = describe_model_folder(TOY_BASE_MODEL);
  for (const char* part : {"gated GELU", "head of its own", "not scaled", "2 encoder, 2 decoder",
                           "d_model 64, 4 heads of d_kv 16 (64), d_ff 128", "152, decoder starts with 0",
                           "32 buckets up to distance 64", "epsilon 1e-06", "217088; 848.0 KiB of memory as float32",
                           "424.0 KiB as bfloat16", "no sentinels", "model.safetensors", "numbers are not read"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  EXPECT_THAT(text, Not(HasSubstr("westofn.json")));
  EXPECT_THAT(text, Not(HasSubstr("reward head")));
}

TEST_F(TiedFolder, IsToldFromAnUntiedOne) {
  for (const char* part : {"T5 v1.0 kind (ReLU), head tied to the embedding, outputs scaled by d_model^-0.5",
                           "sentinels from id 152 to 251"}) {
    EXPECT_THAT(describe(), HasSubstr(part));
  }
}

TEST_F(TiedFolder, ShowsHowItScores) {
  scoring::ScoringConfig config;
  config.template_text = "{prompt} {a} {b}";
  config.max_input_tokens = 60;
  scoring::write_scoring_config(path(), config);
  for (const char* part :
       {"pairwise, labels 'A' and 'B'", "at most 60 tokens, prompts cut at the start", "{prompt} {a} {b}"}) {
    EXPECT_THAT(describe(), HasSubstr(part));
  }
  config.second_label = "no such piece";
  scoring::write_scoring_config(path(), config);
  expect_data_error([&] { (void)describe(); }, path() + "/westofn.json: the label 'no such piece'");
}

TEST_F(TiedFolder, OfARewardModelNeedsItsHead) {
  model::save_reward_head(path(), model::random_head(*model_, 1), {});
  EXPECT_THAT(describe(), HasSubstr("its scale has not been measured"));
  model::save_reward_head(path(), model::random_head(*model_, 1), model::ScoreScale{0.5, 2});
  EXPECT_THAT(describe(), HasSubstr("scores have mean 0.5 and standard deviation 2"));
  std::filesystem::remove(folder_ / "reward_head.safetensors");
  scoring::ScoringConfig config;
  config.kind = scoring::ScoreKind::pointwise;
  config.template_text = "{prompt} {response}";
  scoring::write_scoring_config(path(), config);
  expect_data_error([&] { (void)describe(); }, "reward_head.safetensors");
}

TEST_F(TiedFolder, SaysWhichFileIsNotUsed) {
  EXPECT_THAT(describe(), Not(HasSubstr("not used")));
  folder_.write("model.safetensors.index.json", "{}");
  EXPECT_THAT(describe(), HasSubstr("not used        model.safetensors.index.json"));
}

TEST_F(TiedFolder, IsCheckedUnderTheKeysOfAnExperiment) {
  const auto check = [&](const std::string& more) {
    check_given_models(config::read<Experiment>(
        config::Document("name: x\ndata: {world: {}}\npolicy: {model: " TOY_BASE_MODEL "}\n" + more, "x.yaml")));
  };
  const std::string preference = "preference_model: {model: " + path() + "}\n";
  const std::string reward = "reward_models: {mine: {model: " + path() + "}}\n";
  EXPECT_NO_THROW(check(preference + reward));
  EXPECT_THROW(check("preference_model: {label_tokens: [A, no such piece]}\n"), ConfigError);
  folder_.write("config.json", "{}");
  expect_data_error([&] { check(preference); }, "preference_model.model: " + path() + "/config.json: field");
  expect_data_error([&] { check(reward); }, "reward_models.mine.model: " + path() + "/config.json: field");
}

}  // namespace
}  // namespace westofn::chain
