// SPDX-License-Identifier: Apache-2.0
// The model that a training stage starts from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "app/stage.h"
#include "model/t5.h"
#include "tokenizer/tokenizer.h"
#include "training/policy_settings.h"

namespace westofn::training {

/// A Hugging Face folder; or, with an architecture, random weights and the tokenizer of a folder with spiece.model.
struct StartModel {
  app::StageInput folder;
  std::optional<ArchitectureSettings> architecture{};
};

/// Local. The architecture with a vocabulary for so many pieces: rounded up to a multiple of 64, as GPUs like it.
[[nodiscard]] model::T5Config config_of(const ArchitectureSettings& settings, std::int64_t pieces);

struct LoadedModel {
  model::T5 t5;
  tokenizer::Tokenizer tokenizer;
};

/// Local. Random weights depend on architecture, tokenizer and seed only. Throws DataError or IoError.
[[nodiscard]] LoadedModel load_start_model(const StartModel& start, std::uint64_t seed, model::Placement placement);

}  // namespace westofn::training
