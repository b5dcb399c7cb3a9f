// SPDX-License-Identifier: Apache-2.0
// The section `preference_model` of an experiment, and `evaluation.judge`: a pairwise model and its training.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/types.h"
#include "tokenizer/template.h"
#include "training/settings.h"

namespace westofn::training {

/// The weights that a model starts from: those that the policy started from, or those of the fine-tuned policy.
enum class StartFrom { base, policy };

/// A pairwise model: the teacher, or a judge.
struct PreferenceSettings {
  StartFrom init = StartFrom::base;
  std::optional<std::string> model;  ///< a Hugging Face folder; goes before `init`
  std::string template_text = std::string(tokenizer::default_pairwise_template);
  std::vector<std::string> label_tokens = {"A", "B"};
  std::int64_t max_input_tokens = 1024;
  tokenizer::CutPrompt cut = tokenizer::CutPrompt::start;
  std::int64_t window = 1;
  TrainSettings train{.steps = 4000, .batch = 32, .learning_rate = 1e-5};
};

template <class V>
void visit_fields(V& v, PreferenceSettings& s) {
  v.optional("init", s.init, "base (what the policy started from) or policy (the fine-tuned one)");
  v.optional("model", s.model, "T5 folder in Hugging Face format to start from instead, such as a published one");
  v.optional("template", s.template_text, "encoder input with {prompt}, {a} and {b}");
  v.optional("label_tokens", s.label_tokens, "two labels, each one piece: the first says that {a} is better");
  v.optional("max_input_tokens", s.max_input_tokens, "prompts are cut to fit; longer responses are refused");
  v.optional("cut", s.cut, "the end of a prompt that is cut: start (dialogues) or end (documents)");
  v.optional("window", s.window, "batches within which pairs are sorted by length; 1: none");
  v.optional("train", s.train,
             "training on human pairs (the teacher: the labelled half; a judge: the judge split); 0 steps: the model "
             "as it is");
  v.check("label_tokens", s.label_tokens.size() == 2 && s.label_tokens[0] != s.label_tokens[1], "two different labels");
  v.check("max_input_tokens", s.max_input_tokens >= 2 && s.max_input_tokens <= 1'000'000, "a number from 2 to 1000000");
  v.check("window", s.window >= 1 && s.window <= 10'000, "a number from 1 to 10000");
}

}  // namespace westofn::training

namespace westofn::config {

template <>
struct EnumNames<training::StartFrom> {
  using E = training::StartFrom;
  static constexpr std::array table = {EnumName<E>{E::base, "base"}, EnumName<E>{E::policy, "policy"}};
};

}  // namespace westofn::config
