// SPDX-License-Identifier: Apache-2.0
// The stages `preference` and `judge`: train a pairwise preference model on human pairs. Their folders are Hugging Face
// folders, with westofn.json, curve.h5 and training.json.
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

/// What a pairwise model is for, and so which human pairs it learns from.
enum class PairwiseRole {
  teacher,  ///< stage `preference`: the labelled half of the training pairs; it makes the synthetic pairs
  judge,    ///< stage `judge`: the judge split, which nothing else sees; it decides about responses at the end
};

/// All that the stage depends on.
struct PreferenceInputs {
  PreferenceSettings settings;
  model::RuntimeSettings runtime;
  std::uint64_t seed = 1;
  app::StageInput prepared;
  StartModel start;
  model::Placement placement{};  ///< not needed for the spec
  PairwiseRole role = PairwiseRole::teacher;
};

/// Local. Reads no file.
[[nodiscard]] app::StageSpec preference_spec(const PreferenceInputs& inputs);

/// Collective. Makes the stage, if it is not there, and returns its manifest. The weights with the highest accuracy on
/// the validation pairs, both orders averaged, are kept.
io::Manifest train_preference(app::JobContext& job, const app::RunFolder& run, const PreferenceInputs& inputs);

}  // namespace westofn::training
