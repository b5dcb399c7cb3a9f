// SPDX-License-Identifier: Apache-2.0
#include "chain/experiment.h"

#include <algorithm>
#include <set>

#include "tokenizer/template.h"
#include "util/error.h"
#include "util/text.h"

namespace westofn::chain {
namespace {

template <class T>
std::vector<std::string> check_names(const std::string& section, const config::Named<T>& entries) {
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries) {
    if (!is_plain_name(name)) {
      throw ConfigError(section + ": the name '" + printable(name, 60) +
                        "' must be of letters, digits, '-', '_' and '.'");
    }
    names.push_back(name);
  }
  return names;
}

void check_recipe_of(const std::string& reward_model, const std::string& recipe,
                     const std::vector<std::string>& known) {
  if (std::ranges::find(known, recipe) != known.end()) return;
  const auto nearest = nearest_name(recipe, known);
  throw ConfigError("reward_models." + reward_model + ".recipe: there is no recipe '" + printable(recipe, 60) + "'" +
                    (nearest ? "; did you mean '" + *nearest + "'?" : "; recipes: " + join_text(known, ", ")));
}

/// Throws ConfigError that names the key unless the template has these place holders.
void check_template(const std::string& key, const std::string& text, const std::vector<std::string>& names) {
  try {
    (void)tokenizer::Template(text, names);
  } catch (const ConfigError& error) {
    throw ConfigError(key + ": " + error.what());
  }
}

void check_reference(const Experiment& experiment, const std::vector<std::string>& reward_models) {
  const auto& reference = experiment.evaluation.settings.reference;
  if (!reference || std::ranges::find(reward_models, *reference) != reward_models.end()) return;
  throw ConfigError("evaluation.reference: there is no reward model '" + printable(*reference, 60) +
                    "'; reward models: " + join_text(reward_models, ", "));
}

}  // namespace

bool is_plain_name(const std::string& text) {
  return !text.empty() && text.front() != '.' &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
             std::string::npos;
}

config::Named<training::RewardSettings> default_reward_models() {
  training::RewardSettings west_of_n;
  west_of_n.recipe = "west_of_n";
  return {{"hf50", {}}, {"west_of_n", west_of_n}};
}

void check_experiment(const Experiment& experiment) {
  const auto recipes = check_names("recipes", experiment.recipes);
  check_reference(experiment, check_names("reward_models", experiment.reward_models));
  check_template("preference_model.template", experiment.preference_model.template_text, {"prompt", "a", "b"});
  if (const auto& judge = experiment.evaluation.judge) {
    check_template("evaluation.judge.template", judge->template_text, {"prompt", "a", "b"});
  }
  for (const auto& [name, recipe] : experiment.recipes) {
    if (recipe.settings.matches.n <= experiment.generation.n) continue;
    throw ConfigError("recipes." + name + ".n: " + std::to_string(recipe.settings.matches.n) + " is more than the " +
                      std::to_string(experiment.generation.n) + " responses of generation.n");
  }
  for (const auto& [name, model] : experiment.reward_models) {
    if (model.recipe) check_recipe_of(name, *model.recipe, recipes);
    check_template("reward_models." + name + ".template", model.template_text, {"prompt", "response"});
  }
}

}  // namespace westofn::chain
