// SPDX-License-Identifier: Apache-2.0
// Inside src/evaluation only: inputs that all ranks score together, in fixed portions.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/stage.h"
#include "evaluation/model_scores.h"
#include "inference/engine.h"
#include "scoring/inputs.h"
#include "scoring/scores.h"
#include "scoring/scoring_config.h"
#include "tokenizer/tokenizer.h"

namespace westofn::evaluation {

/// A list of inputs and what scores them.
struct InputList {
  std::size_t count = 0;
  std::function<std::optional<tokenizer::Tokens>(std::size_t)> encode;  ///< nothing: too long
  std::function<std::vector<double>(std::span<const tokenizer::Tokens>)> score;
};

/// Collective. The scores of all inputs on rank 0, in order; NaN: too long. `model` is named where one is not finite.
[[nodiscard]] std::vector<double> score_shared(app::StageRun& stage, const InputList& list, const std::string& model);

[[nodiscard]] scoring::ScoringRun scoring_run(app::StageRun& stage, const model::RuntimeSettings& runtime);

/// Local. What the folder says of templates and limits, else the defaults of its kind.
[[nodiscard]] scoring::ScoringConfig read_config(const std::string& folder, scoring::ScoreKind kind,
                                                 std::string_view default_template);

/// A teacher or a judge.
struct PairwiseModel {
  inference::Engine model;
  tokenizer::Tokenizer tokenizer;
  scoring::ScoringConfig config;

  /// What InputList::score is for it: the probability of the first label. Refers to its arguments.
  [[nodiscard]] std::function<std::vector<double>(std::span<const tokenizer::Tokens>)> first_label_probability(
      const scoring::PairwiseFormat& format, app::StageRun& stage, const model::RuntimeSettings& runtime) const;
};

/// Collective. Throws DataError if the folder does not fit.
[[nodiscard]] PairwiseModel load_pairwise(app::StageRun& stage, const ScoringTask& task);

}  // namespace westofn::evaluation
