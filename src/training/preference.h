// SPDX-License-Identifier: Apache-2.0
// The stage `preference`: trains the pairwise preference model on the labelled half of the human pairs. Its folder is a
// Hugging Face folder, with westofn.json, curve.h5 and training.json.
#pragma once

#include <cstdint>

#include "app/run_folder.h"
#include "app/run_job.h"
#include "app/stage.h"
#include "io/manifest.h"
#include "model/runtime.h"
#include "training/preference_settings.h"
#include "training/start_model.h"

namespace westofn::training {

/// All that the stage depends on.
struct PreferenceInputs {
  PreferenceSettings settings;
  model::RuntimeSettings runtime;
  std::uint64_t seed = 1;
  app::StageInput prepared;
  StartModel start;
  model::Placement placement{};  ///< not needed for the spec
};

/// Local. Reads no file.
[[nodiscard]] app::StageSpec preference_spec(const PreferenceInputs& inputs);

/// Collective. Makes the stage, if it is not there, and returns its manifest. The weights with the highest accuracy on
/// the validation pairs, both orders averaged, are kept.
io::Manifest train_preference(app::JobContext& job, const app::RunFolder& run, const PreferenceInputs& inputs);

}  // namespace westofn::training
