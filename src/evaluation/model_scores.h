// SPDX-License-Identifier: Apache-2.0
// A model's scores of the test set: shared out over the ranks in fixed portions, kept in a file.
#pragma once

#include <string>
#include <vector>

#include "app/stage.h"
#include "evaluation/test_set.h"
#include "io/file.h"
#include "model/runtime.h"

namespace westofn::evaluation {

/// NaN: the input was too long for the model.
struct ModelScores {
  std::vector<double> chosen;    ///< raw reward of each test pair; P(chosen > rejected) of a preference model
  std::vector<double> rejected;  ///< likewise; P(rejected > chosen)
  std::vector<double> samples;   ///< [pools * (n + 1)] raw rewards, pool after pool; empty for a preference model
};

/// What a model is asked and where.
struct ScoringTask {
  const TestSet& test;
  const app::StageInput& model;
  const model::RuntimeSettings& runtime;
  model::Placement placement;
};

/// Collective. The scores on rank 0, empty elsewhere; the same for any number of ranks. Loads the model on every rank
/// and gives it back. Throws DataError if the folder does not fit or a score is not finite.
[[nodiscard]] ModelScores score_reward_model(app::StageRun& stage, const ScoringTask& task);
[[nodiscard]] ModelScores score_preference_model(app::StageRun& stage, const ScoringTask& task);

/// Local. Publishes the scores. Throws IoError.
io::FileInfo write_scores(const std::string& path, const ModelScores& scores);

/// Local. Reads them back; throws DataError if the file is damaged or does not fit the test set.
[[nodiscard]] ModelScores read_scores(const std::string& path, const TestSet& test);

}  // namespace westofn::evaluation
