// SPDX-License-Identifier: Apache-2.0
// The stage `evaluate`: every model on the held-out human pairs and on the test pools; then results.h5.
//
// Files: scores-NAME.h5 for each reward model and for the preference model (its scores of every test pair and test
// sample), evaluation.h5 (all that results.h5 has but the experiment), table.txt.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/run_folder.h"
#include "app/run_job.h"
#include "app/stage.h"
#include "evaluation/settings.h"
#include "io/manifest.h"
#include "model/runtime.h"

namespace westofn::evaluation {

/// Where the true reward of a response comes from; only the toy world has one.
enum class GoldChoice { none, toy };

/// How tables and results.h5 call the preference model.
inline constexpr const char* preference_name = "preference model";

/// A model or a recipe under the name that the experiment gives it.
struct NamedInput {
  std::string name;  ///< "west_of_n"
  app::StageInput input;
};

/// What the stage works with.
struct EvaluateInputs {
  EvaluationSettings settings;
  model::RuntimeSettings runtime;
  std::uint64_t seed = 1;
  app::StageInput prepared;                   ///< the stage `prepare`: test pairs
  std::optional<app::StageInput> pools;       ///< the stage `pools`: test prompts, for Best-of-N
  std::optional<app::StageInput> policy;      ///< for its training curve only
  std::optional<app::StageInput> preference;  ///< a pairwise T5 folder
  std::vector<NamedInput> reward_models;      ///< pointwise folders, in the order of the table
  std::vector<NamedInput> recipes;            ///< the stages `recipe-NAME`: values of their pairs
  GoldChoice gold = GoldChoice::none;
  model::Placement placement;
  std::string experiment;  ///< the resolved experiment, copied into results.h5
};

/// What the stage depends on. Throws ConfigError if the reference is none of the reward models.
[[nodiscard]] app::StageSpec evaluate_spec(const EvaluationSettings& settings, const model::RuntimeSettings& runtime,
                                           std::uint64_t seed, const EvaluateInputs& inputs);

/// Collective. Makes the stage, if it is not there, publishes RUN/results.h5, prints the table and returns the
/// manifest. The same bytes for any number of ranks.
io::Manifest evaluate(app::JobContext& job, const app::RunFolder& run, const app::StageSpec& spec,
                      const EvaluateInputs& inputs);

}  // namespace westofn::evaluation
