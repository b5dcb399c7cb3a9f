// SPDX-License-Identifier: Apache-2.0
// A T5 folder with all that may belong to it, opened and described without reading its weights.
#pragma once

#include <optional>
#include <string>

#include "model/saved_head.h"
#include "model/t5_folder.h"
#include "scoring/scoring_config.h"
#include "tokenizer/tokenizer.h"

namespace westofn::chain {

/// What loading would find, short of the numbers.
struct ModelFolder {
  model::T5Folder t5;
  tokenizer::Tokenizer tokenizer;
  std::optional<scoring::ScoringConfig> scoring;
  std::optional<model::SavedHead> head;
};

/// Local. Opens config.json, the headers of the weights, spiece.model and, where they are there, westofn.json and
/// reward_head.safetensors. Throws the errors of loading: DataError that names the file and what is wrong with it.
[[nodiscard]] ModelFolder open_model_folder(const std::string& folder);

/// Local. The folder for people: kind, architecture, weights, files, tokenizer, how it scores. Throws as
/// open_model_folder does.
[[nodiscard]] std::string describe_model_folder(const std::string& folder);

}  // namespace westofn::chain
