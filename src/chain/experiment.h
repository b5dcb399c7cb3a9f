// SPDX-License-Identifier: Apache-2.0
// The experiment file as one struct: the sum of the settings of the libraries.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "config/types.h"
#include "evaluation/settings.h"
#include "model/runtime.h"
#include "preparation/settings.h"
#include "synthesis/generation_settings.h"
#include "synthesis/recipe_family.h"
#include "tokenizer/settings.h"
#include "training/policy_settings.h"
#include "training/preference_settings.h"
#include "training/reward_settings.h"

namespace westofn::chain {

/// The `evaluation` section, with the judge, which is trained like a preference model.
struct EvaluationSection {
  evaluation::EvaluationSettings settings;
  std::optional<training::PreferenceSettings> judge;
};

template <class V>
void visit_fields(V& v, EvaluationSection& s) {
  visit_fields(v, s.settings);
  v.optional("judge", s.judge,
             "a pairwise T5, trained on the judge split, that decides whether Best-of-N is better than one sample; {} "
             "takes all defaults of a preference model; without: win rates by gold only, which real data do not have");
}

/// HF50 and West-of-N.
[[nodiscard]] config::Named<training::RewardSettings> default_reward_models();

/// Without recipes and reward models of its own an experiment compares HF50 with West-of-N.
struct Experiment {
  std::string name;
  std::uint64_t seed = 1;
  preparation::DataSettings data;
  tokenizer::TokenizerSettings tokenizer;
  std::optional<training::PolicySettings> policy;
  training::PreferenceSettings preference_model;
  synthesis::GenerationSettings generation;
  config::Named<synthesis::RecipeFamily> recipes = {{"west_of_n", {}}};
  config::Named<training::RewardSettings> reward_models = default_reward_models();
  EvaluationSection evaluation;
  model::RuntimeSettings runtime;
};

/// Whether a text may be part of a file name: letters, digits, '-', '_', '.', not beginning with '.'.
[[nodiscard]] bool is_plain_name(const std::string& text);

/// Local. Checks what concerns several sections: names, sizes of pools, recipes that reward models name. Throws
/// ConfigError that names the key.
void check_experiment(const Experiment& experiment);

template <class V>
void visit_fields(V& v, Experiment& s) {
  v.required("name", s.name, "name of the run folder: letters, digits, '-', '_', '.'");
  v.check("name", is_plain_name(s.name), "a name of letters, digits, '-', '_' and '.' that does not begin with '.'");
  v.optional("seed", s.seed, "changes the world, the split, the samples and the training alike");
  v.required("data", s.data, "which files, in which format, and how they are split");
  v.optional("tokenizer", s.tokenizer, "how a tokenizer is trained, for models from random weights");
  v.optional("policy", s.policy,
             "the model that writes responses, and its fine-tuning; all stages but `prepare` need it");
  v.optional("preference_model", s.preference_model, "the pairwise preference model that compares two responses");
  v.optional("generation", s.generation, "how the policy writes the pools");
  v.optional("recipes", s.recipes, "by name: how synthetic pairs are taken out of the pools, filtered and mixed");
  v.optional("reward_models", s.reward_models, "by name: pointwise reward models, their pairs and their training");
  v.optional("evaluation", s.evaluation, "how the reward models are compared");
  v.optional("runtime", s.runtime, "device, precision, threads and portions");
}

}  // namespace westofn::chain
