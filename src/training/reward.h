// SPDX-License-Identifier: Apache-2.0
// The stages `reward-NAME`: train pointwise reward models on human pairs or on the mixture of a recipe. A folder is a
// Hugging Face folder with reward_head.safetensors, westofn.json, curve.h5 and training.json.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "app/run_folder.h"
#include "app/run_job.h"
#include "app/stage.h"
#include "io/manifest.h"
#include "model/runtime.h"
#include "training/reward_settings.h"
#include "training/start_model.h"

namespace westofn::training {

/// All that the stage depends on.
struct RewardInputs {
  std::string name;  ///< of the reward model
  RewardSettings settings;
  model::RuntimeSettings runtime;
  std::uint64_t seed = 1;
  app::StageInput prepared;
  StartModel start;
  std::optional<app::StageInput> recipe;  ///< if the settings name one; its mixture has the human set of the settings
  std::optional<app::StageInput> pools;   ///< for the scale of the scores; without: none is stored
  model::Placement placement{};           ///< not needed for the spec
};

/// Local. Reads no file.
[[nodiscard]] app::StageSpec reward_spec(const RewardInputs& inputs);

/// Collective. Makes the stage, if it is not there, and returns its manifest. The weights with the highest accuracy on
/// the validation pairs are kept.
io::Manifest train_reward(app::JobContext& job, const app::RunFolder& run, const RewardInputs& inputs);

}  // namespace westofn::training
