// SPDX-License-Identifier: Apache-2.0
// The stage `tokenizer`: trains a tokenizer on the training texts of the stage `prepare`.
//
// File of the stage: spiece.model
#pragma once

#include <string>
#include <vector>

#include "app/run_folder.h"
#include "app/run_job.h"
#include "app/stage.h"
#include "io/manifest.h"
#include "tokenizer/settings.h"

namespace westofn::preparation {

/// What the stage depends on.
struct TokenizerTask {
  tokenizer::TokenizerSettings settings;
  std::vector<std::string> labels;     ///< texts that must be one piece each: "A", "B"
  std::vector<std::string> templates;  ///< texts with {prompt}, {a}, {b}, {response}
  app::StageInput prepared;            ///< the stage `prepare`
};

/// Local. What names the stage; needs no files.
[[nodiscard]] app::StageSpec tokenizer_spec(const TokenizerTask& task);

/// Collective. Makes the stage, if it is not there, and returns its manifest. Rank 0 reads the training pairs, the
/// demonstrations and, where the settings say so, the unlabelled prompts, alone and as filled templates, and trains; so
/// the bytes are the same for any number of ranks.
io::Manifest make_tokenizer(app::JobContext& job, const app::RunFolder& run, const TokenizerTask& task);

}  // namespace westofn::preparation
