// SPDX-License-Identifier: Apache-2.0
// The end of the chain: reward models and their evaluation.
#include <map>
#include <string>

#include "chain/chain.h"
#include "config/config.h"
#include "evaluation/evaluate.h"
#include "training/preference.h"
#include "training/reward.h"
#include "training/reward_choice.h"

namespace westofn::chain {
namespace {

/// As the experiment spells it.
template <class E>
std::string text_of(E value) {
  return std::string(config::enum_name(value));
}

}  // namespace

/// A reward model on human pairs, or on one recipe.
std::size_t Chain::add_reward(const std::string& name, training::RewardSettings settings, const NamedStep* recipe) {
  const Start start = start_of(settings.init, settings.model);
  std::vector<std::size_t> needs = start.needs;
  needs.push_back(pools_);
  training::RewardInputs reward{name, std::move(settings), runtime_,  experiment_.seed, labelled_data(), start.model,
                                {},   input(pools_),       placement_};
  if (recipe != nullptr) {
    for (const auto& [family, chosen] : experiment_.recipes) {
      if (family == *reward.settings.recipe) reward.settings.human = chosen.settings.human;
    }
    needs.push_back(recipe->step);
    reward.settings.recipe = recipe->name;
    reward.recipe = input(recipe->step);
  }
  return add({training::reward_spec(reward), Goal::rewards, needs,
              [this, reward] { training::train_reward(job_, run_, reward); }});
}

/// A reward model of the experiment: where its recipe lists quantiles, one is trained on each and the best is chosen.
std::size_t Chain::add_reward_model(const std::string& name, const training::RewardSettings& settings,
                                    std::vector<evaluation::Candidate>& candidates) {
  if (!settings.recipe) return add_reward(name, settings, nullptr);
  const std::vector<NamedStep>& recipes = recipes_.at(*settings.recipe);
  if (recipes.size() == 1) return add_reward(name, settings, &recipes.front());
  training::ChoiceInputs choice{name, {}};
  std::vector<std::size_t> needs;
  for (const NamedStep& recipe : recipes) {
    needs.push_back(add_reward(name + recipe.name.substr(settings.recipe->size()), settings, &recipe));
    choice.candidates.push_back({recipe.name, input(needs.back())});
    candidates.push_back({recipe.name, input(needs.back())});
  }
  return add({training::choice_spec(choice), Goal::rewards, needs,
              [this, choice] { training::choose_reward_model(job_, run_, choice); }});
}

/// The pairwise model that decides where there is no gold; from the same start as the preference model by default.
std::size_t Chain::add_judge(const training::PreferenceSettings& settings) {
  const training::PreferenceInputs judge = pairwise(settings, training::PairwiseRole::judge);
  const Start start = start_of(settings.init, settings.model);
  return add({training::preference_spec(judge), Goal::evaluation, start.needs,
              [this, judge] { training::train_preference(job_, run_, judge); }});
}

/// The reward models, made on the way.
void Chain::list_reward_models(evaluation::EvaluateInputs& inputs, std::vector<std::size_t>& needs) {
  for (const auto& [name, settings] : experiment_.reward_models) {
    evaluation::RewardModelInput model{name, {}, text_of(settings.human), settings.recipe.value_or("")};
    needs.push_back(add_reward_model(name, settings, model.candidates));
    model.input = input(needs.back());
    inputs.reward_models.push_back(std::move(model));
  }
}

/// The recipes, expanded, and the matches that they come from.
void Chain::list_recipes(evaluation::EvaluateInputs& inputs, std::vector<std::size_t>& needs) const {
  std::map<std::size_t, std::size_t> positions;  // of a step among the matches
  for (const auto& [family, asked] : experiment_.recipes) {
    const synthesis::MatchSettings& rule = asked.settings.matches;
    const auto expanded = synthesis::expand(family, asked);
    for (std::size_t i = 0; i < expanded.size(); ++i) {
      const NamedStep& made = recipes_.at(family)[i];
      const synthesis::RecipeSettings& settings = expanded[i].second;
      needs.push_back(made.step);
      const auto [position, is_new] = positions.emplace(made.matches, inputs.matches.size());
      if (is_new) inputs.matches.push_back({input(made.matches), text_of(rule.rule), text_of(rule.orders), rule.n});
      inputs.recipes.push_back({made.name, input(made.step), position->second, settings.filters.confidence,
                                settings.filters.likelihood, text_of(settings.filters.likelihood_mode),
                                text_of(settings.filters.likelihood_unit), text_of(settings.human),
                                settings.mixture.ratio});
    }
  }
}

/// Reward models and their evaluation.
void Chain::add_rewards() {
  if (experiment_.reward_models.empty()) return;
  std::vector<std::size_t> all = {pools_, policy_, preference_};
  evaluation::EvaluateInputs evaluate;
  list_reward_models(evaluate, all);
  list_recipes(evaluate, all);
  if (experiment_.evaluation.judge) {
    all.push_back(add_judge(*experiment_.evaluation.judge));
    evaluate.judge = input(all.back());
  }
  for (std::size_t i = 0; i < steps_.size(); ++i) evaluate.stages.push_back(input(i));
  evaluate.settings = experiment_.evaluation.settings;
  evaluate.runtime = runtime_;
  evaluate.seed = experiment_.seed;
  evaluate.prepared = labelled_data();
  evaluate.pools = input(pools_);
  evaluate.policy = input(policy_);
  evaluate.preference = input(preference_);
  evaluate.gold = experiment_.data.world ? evaluation::GoldChoice::toy : evaluation::GoldChoice::none;
  evaluate.placement = placement_;
  evaluate.experiment = config::to_yaml(experiment_);
  const app::StageSpec spec = evaluation::evaluate_spec(evaluate.settings, evaluate.runtime, evaluate.seed, evaluate);
  add({spec, Goal::evaluation, all, [this, spec, evaluate] { evaluation::evaluate(job_, run_, spec, evaluate); }});
}

}  // namespace westofn::chain
