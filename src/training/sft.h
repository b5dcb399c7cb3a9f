// SPDX-License-Identifier: Apache-2.0
// The stage `sft`: fine-tunes the policy on demonstrations. Its folder is a Hugging Face folder, with westofn.json,
// curve.h5 and training.json.
#pragma once

#include <cstdint>

#include "app/run_folder.h"
#include "app/run_job.h"
#include "app/stage.h"
#include "io/manifest.h"
#include "model/runtime.h"
#include "training/policy_settings.h"
#include "training/start_model.h"

namespace westofn::training {

/// All that the stage depends on.
struct SftInputs {
  PolicySettings settings;
  model::RuntimeSettings runtime;
  std::uint64_t seed = 1;
  app::StageInput prepared;
  StartModel start;
  model::Placement placement{};  ///< not needed for the spec
};

/// Local. Reads no file.
[[nodiscard]] app::StageSpec sft_spec(const SftInputs& inputs);

/// Collective. Makes the stage, if it is not there, and returns its manifest. The weights with the lowest loss on the
/// chosen responses of the validation pairs are kept.
io::Manifest train_policy(app::JobContext& job, const app::RunFolder& run, const SftInputs& inputs);

}  // namespace westofn::training
