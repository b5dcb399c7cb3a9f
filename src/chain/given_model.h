// SPDX-License-Identifier: Apache-2.0
// Models that the user gives: Hugging Face folders, known by the hash of their files.
#pragma once

#include <string>

#include "app/run_job.h"
#include "app/stage.h"
#include "chain/experiment.h"

namespace westofn::chain {

/// Local. Opens the folders that the experiment names, without reading weights, and looks whether their tokenizers know
/// the labels. Throws DataError that names the key and the file, ConfigError for a label.
void check_given_models(const Experiment& experiment);

/// Collective. The folder as an input of stages: config.json, spiece.model and the weights are hashed, shared out over
/// the ranks. Throws DataError, before anything is hashed, if the folder is not whole by the headers of its files.
[[nodiscard]] app::StageInput find_given_model(app::JobContext& job, const std::string& folder);

/// Collective. The same for a model that is asked for scores as it is: westofn.json and its head are parts of it.
[[nodiscard]] app::StageInput find_teacher(app::JobContext& job, const std::string& folder);

}  // namespace westofn::chain
