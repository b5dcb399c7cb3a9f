// SPDX-License-Identifier: Apache-2.0
// Models that the user gives: Hugging Face folders, known by the hash of their files.
#pragma once

#include <string>

#include "app/run_job.h"
#include "app/stage.h"

namespace westofn::chain {

/// Collective. The folder as an input of stages: config.json, spiece.model and the weights are hashed, shared out over
/// the ranks. Throws DataError if the folder or one of these is missing.
[[nodiscard]] app::StageInput find_given_model(app::JobContext& job, const std::string& folder);

}  // namespace westofn::chain
