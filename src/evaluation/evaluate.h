// SPDX-License-Identifier: Apache-2.0
// The stage `evaluate`: every model on the held-out human pairs and on the test pools; then results.h5.
//
// Files: scores-NAME.h5 for each reward model, the preference model and the judge (its scores of every test pair and
// test sample), judged.h5 (what the judge says of the samples that Best-of-N takes), evaluation.h5, table.txt.
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

/// How tables and results.h5 call the pairwise models.
inline constexpr const char* preference_name = "preference model";
inline constexpr const char* judge_name = "judge";

/// A reward model that was trained on one of the quantiles that a recipe lists.
struct Candidate {
  std::string recipe;  ///< "west_of_n@confidence=0.25"
  app::StageInput input;
};

/// A reward model: a pointwise folder, and what it was trained on.
struct RewardModelInput {
  std::string name;  ///< "west_of_n"
  app::StageInput input;
  std::string human{};                  ///< human pairs: "hf50", "hf100" or "none"
  std::string recipe{};                 ///< name of the recipe; empty: human pairs only
  std::vector<Candidate> candidates{};  ///< those among which it was chosen; empty: there was no choice
};

/// A stage `matches`, and what of the experiment made it.
struct MatchInput {
  app::StageInput input;
  std::string rule, orders;
  std::int64_t n = 0;
};

/// A recipe: a stage `recipe-NAME`, and what of the experiment made it.
struct RecipeInput {
  std::string name;  ///< "west_of_64"
  app::StageInput input;
  std::size_t matches = 0;  ///< position in EvaluateInputs::matches
  double confidence = 0;    ///< quantiles of its filters
  double likelihood = 0;
  std::string likelihood_of{};    ///< "each" or "joint"
  std::string likelihood_unit{};  ///< "sum" or "per-token"
  std::string human{};            ///< human pairs of its mixture
  double ratio = 1;
};

/// What the stage works with.
struct EvaluateInputs {
  EvaluationSettings settings;
  model::RuntimeSettings runtime;
  std::uint64_t seed = 1;
  app::StageInput prepared;                     ///< the stage `prepare`: test pairs
  std::optional<app::StageInput> pools;         ///< the stage `pools`: test prompts, for Best-of-N
  std::optional<app::StageInput> policy;        ///< for its training curve only
  std::optional<app::StageInput> preference;    ///< a pairwise T5 folder
  std::optional<app::StageInput> judge;         ///< likewise, trained on the judge split
  std::vector<RewardModelInput> reward_models;  ///< in the order of the table
  std::vector<RecipeInput> recipes;
  std::vector<MatchInput> matches;      ///< for results.h5 only, as the next two
  std::vector<app::StageInput> stages;  ///< all that lead here, in the order of the chain
  GoldChoice gold = GoldChoice::none;
  std::string experiment;  ///< resolved
  model::Placement placement;
};

/// What the stage depends on. Throws ConfigError if the reference is none of the reward models.
[[nodiscard]] app::StageSpec evaluate_spec(const EvaluationSettings& settings, const model::RuntimeSettings& runtime,
                                           std::uint64_t seed, const EvaluateInputs& inputs);

/// Collective. Makes the stage, if it is not there, publishes RUN/results.h5, prints the table and returns the
/// manifest. The same bytes for any number of ranks.
io::Manifest evaluate(app::JobContext& job, const app::RunFolder& run, const app::StageSpec& spec,
                      const EvaluateInputs& inputs);

}  // namespace westofn::evaluation
