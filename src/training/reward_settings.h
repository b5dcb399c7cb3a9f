// SPDX-License-Identifier: Apache-2.0
// An entry of the `reward_models` section: a pointwise student, its pairs and its training.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "config/types.h"
#include "dataset/human_set.h"
#include "record/records.h"
#include "tokenizer/template.h"
#include "training/preference_settings.h"
#include "training/settings.h"

namespace westofn::training {

/// How wide the margin of a pair is: `margin` for all, or times max(0, 2 confidence - 1), which is 1 for a certain
/// label (every human one) and 0 where the preference model could as well have drawn lots.
enum class MarginScale { fixed, confidence };

/// A student; the defaults of training are the paper's.
struct RewardSettings {
  HumanSet human = HumanSet::hf50;
  std::optional<std::string> recipe;  ///< name: train on the mixture of this recipe
  StartFrom init = StartFrom::policy;
  std::optional<std::string> model;  ///< a Hugging Face folder; goes before `init`
  std::string template_text = std::string(tokenizer::default_pointwise_template);
  std::int64_t max_input_tokens = 1024;
  tokenizer::CutPrompt cut = tokenizer::CutPrompt::start;
  std::int64_t window = 1;
  bool soft_labels = false;
  double margin = 0;
  MarginScale margin_scale = MarginScale::fixed;
  double centring = 0;
  TrainSettings train{.steps = 20000, .batch = 8, .learning_rate = 1e-5};
};

template <class V>
void visit_fields(V& v, RewardSettings& s) {
  v.optional("human", s.human, "labelled pairs: hf50 (half), hf100 (all) or none; with a recipe: what that recipe has");
  v.optional("recipe", s.recipe,
             "recipe whose mixture of human and synthetic pairs is used; without: human pairs only");
  v.optional("init", s.init, "policy (the fine-tuned one) or base (what the policy started from)");
  v.optional("model", s.model, "T5 folder in Hugging Face format to start from instead");
  v.optional("template", s.template_text, "encoder input with {prompt} and {response}");
  v.optional("max_input_tokens", s.max_input_tokens, "prompts are cut to fit; longer responses are refused");
  v.optional("cut", s.cut, "the end of a prompt that is cut: start (dialogues) or end (documents)");
  v.optional("window", s.window, "batches within which pairs are sorted by length; 1: none");
  v.optional("soft_labels", s.soft_labels, "a synthetic label counts as its confidence says, not as certain");
  v.optional("margin", s.margin, "by how much the chosen reward shall be above the rejected one");
  v.optional("margin_scale", s.margin_scale, "fixed, or confidence: times 2 confidence - 1 (human pairs: 1)");
  v.optional("centring", s.centring, "factor of (reward of chosen + reward of rejected)^2 in the loss; TRL has 0.01");
  v.optional("train", s.train, "training; 0 steps: the start weights with a random head");
  v.check("human", s.recipe || s.human != HumanSet::none, "hf50 or hf100, unless there is a `recipe`");
  v.check("max_input_tokens", s.max_input_tokens >= 2 && s.max_input_tokens <= 1'000'000, "a number from 2 to 1000000");
  v.check("window", s.window >= 1 && s.window <= 10'000, "a number from 1 to 10000");
  v.check("margin", s.margin >= 0 && s.margin <= 1000, "a number from 0 to 1000");
  v.check("centring", s.centring >= 0 && s.centring <= 1000, "a number from 0 to 1000");
}

}  // namespace westofn::training

namespace westofn::config {

template <>
struct EnumNames<training::MarginScale> {
  using E = training::MarginScale;
  static constexpr std::array table = {EnumName<E>{E::fixed, "fixed"}, EnumName<E>{E::confidence, "confidence"}};
};

}  // namespace westofn::config
