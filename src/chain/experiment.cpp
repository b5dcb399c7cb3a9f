// SPDX-License-Identifier: Apache-2.0
#include "chain/experiment.h"

#include <algorithm>
#include <set>

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
  check_names("reward_models", experiment.reward_models);
  for (const auto& [name, recipe] : experiment.recipes) {
    if (recipe.matches.n <= experiment.generation.n) continue;
    throw ConfigError("recipes." + name + ".n: " + std::to_string(recipe.matches.n) + " is more than the " +
                      std::to_string(experiment.generation.n) + " responses of generation.n");
  }
  for (const auto& [name, model] : experiment.reward_models) {
    if (model.recipe) check_recipe_of(name, *model.recipe, recipes);
  }
}

}  // namespace westofn::chain
