// SPDX-License-Identifier: Apache-2.0
// The chain of stages of an experiment: which stage needs which, what is there already, and making the rest.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "app/run_folder.h"
#include "app/run_job.h"
#include "app/shard_part.h"
#include "app/stage.h"
#include "chain/experiment.h"
#include "evaluation/evaluate.h"
#include "preparation/inputs.h"
#include "training/preference.h"
#include "training/start_model.h"

namespace westofn::chain {

/// What a command asks for; all that it needs is made first.
enum class Goal { prepare, policy, preference, pools, matches, recipes, rewards, evaluation };

/// The stages of an experiment. Every key is known before anything is computed, so a plan is a plan of all.
class Chain {
 public:
  /// Collective. Finds the input files and given models and hashes them; makes nothing. Throws ConfigError, DataError.
  /// Refers to job, run and experiment, which must live longer.
  /// With a part, `make` makes these shards of the goals, which are pools or matches, and nothing else.
  Chain(app::JobContext& job, const app::RunFolder& run, const Experiment& experiment, std::vector<Goal> goals,
        const app::ShardPart& part = {});

  /// Collective. One line a stage that the goals need, in the order in which they are made.
  [[nodiscard]] std::vector<std::string> plan() const;

  /// Collective. Makes what the goals need and what is not there. Throws what the stages throw.
  void make();

 private:
  struct Step {
    app::StageSpec spec;
    Goal goal = Goal::prepare;
    std::vector<std::size_t> needs;
    std::function<void()> make;
  };
  /// A model that training starts from, and the steps that make it.
  /// What a model starts from, and the steps that make it.
  struct Start {
    training::StartModel model;
    std::vector<std::size_t> needs;
  };
  /// A recipe by the name that its family gives it.
  struct NamedStep {
    std::string name;
    std::size_t step = 0;
    std::size_t matches = 0;  ///< the step that its matches come from
  };

  [[nodiscard]] bool needs_models() const;
  void add_tokenizer();
  void add_models();
  static void check_labels(const training::PreferenceSettings& settings, const app::StageInput& start);
  [[nodiscard]] training::PreferenceInputs pairwise(const training::PreferenceSettings& settings,
                                                    training::PairwiseRole role);
  void add_selection();
  void add_rewards();
  std::size_t add(Step step);
  std::size_t add_matches(const synthesis::MatchSettings& settings, const std::optional<std::string>& teacher);
  std::size_t add_reward(const std::string& name, training::RewardSettings settings, const NamedStep* recipe);
  std::size_t add_reward_model(const std::string& name, const training::RewardSettings& settings,
                               std::vector<evaluation::Candidate>& candidates);
  std::size_t add_judge(const training::PreferenceSettings& settings);
  void list_reward_models(evaluation::EvaluateInputs& inputs, std::vector<std::size_t>& needs);
  void list_recipes(evaluation::EvaluateInputs& inputs, std::vector<std::size_t>& needs) const;
  [[nodiscard]] Start start_of(training::StartFrom init, const std::optional<std::string>& model);
  [[nodiscard]] app::StageInput input(std::size_t step) const;
  /// `prepare` for stages that read no unlabelled prompts.
  [[nodiscard]] app::StageInput labelled_data() const;
  [[nodiscard]] std::vector<std::size_t> wanted_steps() const;
  void refuse_missing(const Step& step) const;

  app::JobContext& job_;
  const app::RunFolder& run_;
  const Experiment& experiment_;
  std::vector<Goal> goals_;
  app::ShardPart part_;
  model::RuntimeSettings runtime_;  ///< with the device that all ranks have
  preparation::PrepareInputs prepared_;
  model::Placement placement_;
  std::vector<Step> steps_;                                ///< each behind those that it needs
  std::map<std::string, app::StageInput> given_;           ///< models of the user, by path
  std::map<std::string, app::StageInput> teachers_;        ///< likewise, with how they are asked
  std::map<std::string, std::vector<NamedStep>> recipes_;  ///< by name in the experiment: one, or one a quantile
  std::size_t policy_ = 0, preference_ = 0, pools_ = 0, tokenizer_ = 0;
};

}  // namespace westofn::chain
