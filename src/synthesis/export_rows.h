// SPDX-License-Identifier: Apache-2.0
// Pairs as rows in TRL's explicit-prompt format: `prompt`, `chosen`, `rejected` as texts, and columns of ours.
#pragma once

#include <nlohmann/json.hpp>

#include "io/mixture_file.h"
#include "record/records.h"

namespace westofn::synthesis {

using ExportRow = nlohmann::ordered_json;

/// A synthetic pair; with `lineage`, if there is one, whose lists are not looked at.
[[nodiscard]] ExportRow synthetic_row(const SyntheticPair& pair, const io::MixtureLineage* lineage);

/// A human pair with all that is known of it.
[[nodiscard]] ExportRow human_row(const HumanPair& pair);

/// A row of a mixture. Human and synthetic ones have the same columns; what does not apply is null.
[[nodiscard]] ExportRow mixture_row(const HumanPair& pair);
[[nodiscard]] ExportRow mixture_row(const SyntheticPair& pair, const io::MixtureLineage& lineage);

}  // namespace westofn::synthesis
