// SPDX-License-Identifier: Apache-2.0
#include "chain/chain.h"

#include <algorithm>

#include "chain/given_model.h"
#include "comm/agree.h"
#include "config/config.h"
#include "preparation/balance.h"
#include "preparation/prepare.h"
#include "preparation/tokenizer_stage.h"
#include "synthesis/matches.h"
#include "synthesis/pools.h"
#include "synthesis/recipe.h"
#include "training/preference.h"
#include "training/sft.h"
#include "util/error.h"
#include "util/log.h"

namespace westofn::chain {

Chain::Chain(app::JobContext& job, const app::RunFolder& run, const Experiment& experiment, std::vector<Goal> goals,
             const app::ShardPart& part)
    : job_(job),
      run_(run),
      experiment_(experiment),
      goals_(std::move(goals)),
      part_(part),
      runtime_(experiment.runtime),
      prepared_(preparation::find_inputs(job, run, experiment.data, experiment.seed)) {
  add({prepared_.spec, Goal::prepare, {}, [this] {
         const io::Manifest manifest = preparation::prepare(job_, run_, prepared_, experiment_.seed);
         log_info(preparation::balance_table(manifest.counts));
       }});
  if (experiment_.policy && !experiment_.policy->model) add_tokenizer();
  if (!experiment_.policy || !needs_models()) return;
  comm::agree(job_.world, [&] { check_experiment(experiment_); });
  const bool all_see_gpu = !comm::any(job_.world, !model::sees_gpu());
  if (runtime_.device == model::DeviceChoice::automatic) {
    runtime_.device = all_see_gpu ? model::DeviceChoice::cuda : model::DeviceChoice::cpu;
  }
  placement_ = comm::agree(job_.world, [&] { return model::start_runtime(runtime_, job_.node.rank()); });
  job_.use = {runtime_.threads, placement_.device.is_cpu() ? 0 : 1};
  add_models();
  add_selection();
  add_rewards();
}

std::size_t Chain::add(Step step) {
  const std::string name = step.spec.folder_name();
  const auto same = std::ranges::find_if(steps_, [&](const Step& other) { return other.spec.folder_name() == name; });
  if (same != steps_.end()) return static_cast<std::size_t>(same - steps_.begin());
  steps_.push_back(std::move(step));
  return steps_.size() - 1;
}

app::StageInput Chain::input(std::size_t step) const {
  const app::StageSpec& spec = steps_[step].spec;
  return {spec.name, run_.stage(spec.folder_name()), spec.key()};
}

Chain::Start Chain::start_of(training::StartFrom init, const std::optional<std::string>& model) {
  const training::PolicySettings& policy = *experiment_.policy;
  const auto& folder = model ? model : policy.model;
  if (!model && init == training::StartFrom::policy) return {{input(policy_), {}}, {policy_}};
  if (!folder) return {{input(tokenizer_), policy.architecture}, {tokenizer_}};
  const auto known = given_.find(*folder);
  if (known == given_.end()) given_[*folder] = find_given_model(job_, *folder);
  return {{given_[*folder], {}}, {0}};
}

app::StageInput Chain::labelled_data() const {
  app::StageInput data = input(0);
  data.key = prepared_.labelled_key;
  return data;
}

bool Chain::needs_models() const {
  return std::ranges::any_of(goals_, [](Goal goal) { return goal != Goal::prepare; });
}

void Chain::add_tokenizer() {
  const training::PreferenceSettings& preference = experiment_.preference_model;
  const app::StageInput data = experiment_.tokenizer.unlabelled_prompts ? input(0) : labelled_data();
  preparation::TokenizerTask task{experiment_.tokenizer, preference.label_tokens, {preference.template_text}, data};
  for (const auto& [name, model] : experiment_.reward_models) task.templates.push_back(model.template_text);
  const auto& judge = experiment_.evaluation.judge;
  // A judge with the same template as the rest changes no tokenizer.
  if (judge && std::ranges::find(task.templates, judge->template_text) == task.templates.end()) {
    task.templates.push_back(judge->template_text);
  }
  tokenizer_ = add({preparation::tokenizer_spec(task), Goal::prepare, {0}, [this, task] {
                      preparation::make_tokenizer(job_, run_, task);
                    }});
}

/// Local. Before hours of work: a given model knows the labels. Throws ConfigError.
void Chain::check_labels(const training::PreferenceSettings& settings, const app::StageInput& start) {
  const auto vocabulary = model::read_t5_config(start.folder).vocab_size;
  const auto tokenizer = tokenizer::Tokenizer::load(start.folder, vocabulary);
  for (const auto& label : settings.label_tokens) (void)tokenizer.label(label);
}

/// A teacher or a judge, whose labels the given model knows if there is one.
training::PreferenceInputs Chain::pairwise(const training::PreferenceSettings& settings, training::PairwiseRole role) {
  const Start start = start_of(settings.init, settings.model);
  const auto& given = settings.model ? settings.model : experiment_.policy->model;
  if (given) comm::agree(job_.world, [&] { check_labels(settings, given_.at(*given)); });
  return {settings, runtime_, experiment_.seed, labelled_data(), start.model, placement_, role};
}

/// The policy and the preference model.
void Chain::add_models() {
  const Start base = start_of(training::StartFrom::base, {});
  const training::SftInputs sft{*experiment_.policy, runtime_,   experiment_.seed,
                                labelled_data(),     base.model, placement_};
  policy_ = add(
      {training::sft_spec(sft), Goal::policy, base.needs, [this, sft] { training::train_policy(job_, run_, sft); }});
  const training::PreferenceSettings& settings = experiment_.preference_model;
  const training::PreferenceInputs preference = pairwise(settings, training::PairwiseRole::teacher);
  preference_ =
      add({training::preference_spec(preference), Goal::preference, start_of(settings.init, settings.model).needs,
           [this, preference] { training::train_preference(job_, run_, preference); }});
}

/// Pools, matches and recipes.
void Chain::add_selection() {
  synthesis::GenerationSettings generation = experiment_.generation;
  if (!generation.max_input_tokens) generation.max_input_tokens = experiment_.policy->max_input_tokens;
  if (!generation.cut) generation.cut = experiment_.policy->cut;
  const synthesis::PoolsInputs pools{generation,
                                     runtime_,
                                     experiment_.seed,
                                     input(0),
                                     input(policy_),
                                     placement_,
                                     app::hash_inputs(job_, generation.imports),
                                     part_};
  const app::StageSpec spec = synthesis::pools_spec(pools);
  pools_ = add({spec, Goal::pools, {policy_}, [this, spec, pools] { synthesis::make_pools(job_, run_, spec, pools); }});
  for (const auto& [name, family] : experiment_.recipes) {
    const std::size_t matches = add_matches(family.settings.matches, family.teacher);
    for (const auto& [recipe_name, settings] : synthesis::expand(name, family)) {
      const synthesis::RecipeInputs recipe{settings, experiment_.seed, labelled_data(), input(pools_), input(matches)};
      const app::StageSpec made = synthesis::recipe_spec(recipe_name, recipe);
      const std::size_t step = add({made, Goal::recipes, {pools_, matches}, [this, made, recipe] {
                                      synthesis::make_recipe(job_, run_, made, recipe);
                                    }});
      recipes_[name].push_back({recipe_name, step, matches});
    }
  }
}

std::size_t Chain::add_matches(const synthesis::MatchSettings& settings, const std::optional<std::string>& teacher) {
  synthesis::MatchesInputs inputs{settings,   runtime_, experiment_.seed, input(pools_), input(preference_),
                                  placement_, part_};
  std::vector<std::size_t> needs = {pools_, preference_};
  if (teacher) {
    if (!teachers_.contains(*teacher)) teachers_[*teacher] = find_teacher(job_, *teacher);
    inputs.preference = teachers_.at(*teacher);
    needs = {pools_};
  }
  if (settings.rule == selection::Rule::best_random) {
    // Not its input, but it knows half of what is to be asked: it comes first.
    synthesis::MatchSettings tournament = settings;
    tournament.rule = selection::Rule::tournament;
    needs.push_back(add_matches(tournament, {}));
  }
  const app::StageSpec spec = synthesis::matches_spec(inputs);
  return add({spec, Goal::matches, needs, [this, spec, inputs] { synthesis::make_matches(job_, run_, spec, inputs); }});
}

std::vector<std::size_t> Chain::wanted_steps() const {
  if (needs_models() && !experiment_.policy) {
    throw ConfigError(
        "policy: the experiment has no section `policy`, which every stage but `prepare` needs (see `westofn validate "
        "--reference`)");
  }
  std::vector<char> wanted(steps_.size(), 0);
  for (std::size_t i = steps_.size(); i-- > 0;) {
    if (std::ranges::find(goals_, steps_[i].goal) != goals_.end()) wanted[i] = 1;
    if (wanted[i] == 0) continue;
    for (const std::size_t need : steps_[i].needs) wanted[need] = 1;
  }
  if (std::ranges::find(wanted, 1) == wanted.end()) {
    throw ConfigError("the experiment has no recipes or reward models that this command could make");
  }
  std::vector<std::size_t> steps;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    if (wanted[i] != 0) steps.push_back(i);
  }
  return steps;
}

std::vector<std::string> Chain::plan() const {
  const std::vector<std::size_t> steps = comm::agree(job_.world, [&] { return wanted_steps(); });
  std::vector<std::string> lines;
  for (const auto& plan : preparation::plan_prepare(job_, run_, experiment_.data, experiment_.seed)) {
    lines.push_back(app::to_text(plan));
  }
  for (const std::size_t step : steps) {
    if (step == 0) continue;  // above
    lines.push_back(app::to_text(comm::agree(job_.world, [&] { return app::plan_stage(run_, steps_[step].spec); })));
  }
  return lines;
}

void Chain::refuse_missing(const Step& step) const {
  const app::StagePlan plan = app::plan_stage(run_, step.spec);
  if (plan.state == app::StageState::complete) return;
  throw ConfigError("--shards: the stage " + plan.folder_name +
                    ", which comes before, is not complete; jobs that share the shards of a stage make nothing else. "
                    "Run the commands for the stages before it first, without --shards");
}

void Chain::make() {
  for (const std::size_t step : comm::agree(job_.world, [&] { return wanted_steps(); })) {
    const bool is_before = std::ranges::find(goals_, steps_[step].goal) == goals_.end();
    if (!part_.is_all() && is_before) {
      comm::agree(job_.world, [&] {
        if (job_.world.rank() == 0) refuse_missing(steps_[step]);
      });
    } else {
      steps_[step].make();
    }
  }
}

}  // namespace westofn::chain
