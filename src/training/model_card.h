// SPDX-License-Identifier: Apache-2.0
// README.md of a model folder: what the model is, what it was made from, how good it is, how to use it, its limits.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "app/stage.h"
#include "model/reward_model.h"
#include "scoring/scoring_config.h"
#include "training/start_model.h"
#include "training/training_summary.h"

namespace westofn::training {

inline constexpr const char* model_card_name = "README.md";

/// Rows of one source that were read for one purpose.
struct CardRows {
  std::string source;   ///< name of a file, or "recipe west_of_n"
  std::string purpose;  ///< "human pairs, training"
  std::int64_t rows = 0;
};

/// What was used besides: a stage with its settings.
struct CardPart {
  std::string title;     ///< a sentence without its full stop
  std::string settings;  ///< YAML
};

/// What a model was made from.
struct ModelOrigin {
  std::string start;  ///< see describe_start
  std::vector<CardRows> rows{};
  std::vector<CardPart> parts{};
};

/// All that the card says.
struct ModelCard {
  std::string name;  ///< of the stage: "reward-west_of_n"
  const scoring::ScoringConfig& scoring;
  const ModelOrigin& origin;
  const TrainingSummary& summary;
  std::optional<model::ScoreScale> scale;
};

/// "the weights of the stage sft-0123abcd", "a given T5 folder (hash ...)", "random weights; ...".
[[nodiscard]] std::string describe_start(const StartModel& start);

/// Adds a row for each source of pairs.
void add_sources(const std::map<std::string, std::int64_t>& sources, const std::string& purpose, ModelOrigin& origin);

/// Local. A finished stage `recipe` as a part of the card, its rule and N in the title; without its settings if the
/// manifest has none. Throws DataError.
[[nodiscard]] CardPart describe_recipe(const app::StageInput& recipe);

/// Local. A finished stage `pools`, that is: the generator. Throws DataError.
[[nodiscard]] CardPart describe_generator(const app::StageInput& pools);

/// Markdown with the YAML head that the Hugging Face Hub reads. The same for the same training: no clock, host or path.
[[nodiscard]] std::string to_markdown(const ModelCard& card);

}  // namespace westofn::training
