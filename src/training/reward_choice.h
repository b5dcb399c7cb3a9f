// SPDX-License-Identifier: Apache-2.0
// The stage `reward-NAME` of a reward model whose recipe lists quantiles: of the models that were trained on each, the
// one with the highest validation accuracy. Its folder has the files of that model and choice.json, which names all.
#pragma once

#include <string>
#include <vector>

#include "app/run_folder.h"
#include "app/run_job.h"
#include "app/stage.h"
#include "io/manifest.h"

namespace westofn::training {

inline constexpr const char* choice_name = "choice.json";

/// A trained reward model among which is chosen.
struct Candidate {
  std::string recipe;     ///< "west_of_n@confidence=0.25"
  app::StageInput model;  ///< its stage `reward-...`
};

struct ChoiceInputs {
  std::string name;  ///< of the reward model
  std::vector<Candidate> candidates;
};

/// Local. Reads no file.
[[nodiscard]] app::StageSpec choice_spec(const ChoiceInputs& inputs);

/// The position of the highest accuracy; of equal ones the first. There is at least one.
[[nodiscard]] std::size_t best_candidate(const std::vector<double>& accuracies);

/// Collective. Makes the stage, if it is not there, and returns its manifest. Of equal accuracies the first in the list
/// is chosen. The files share their disk space with those of the chosen model where the file system can do that.
io::Manifest choose_reward_model(app::JobContext& job, const app::RunFolder& run, const ChoiceInputs& inputs);

}  // namespace westofn::training
