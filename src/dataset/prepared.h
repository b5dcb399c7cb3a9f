// SPDX-License-Identifier: Apache-2.0
// Reads the records of a finished stage `prepare`.
#pragma once

#include <string>
#include <vector>

#include "record/records.h"

namespace westofn::dataset {

/// The pairs of a split; of those in the training split, the ones that show their labels.
struct PairFilter {
  Split split = Split::train;
  HumanSet set = HumanSet::hf100;  ///< looked at in the training split only
};

/// The pairs of the folder that pass the filter, in the order of its files. Local. Like all readers here it checks the
/// files against the manifest and throws DataError that names the one that is missing or damaged.
[[nodiscard]] std::vector<HumanPair> read_human_pairs(const std::string& prepare_folder, const PairFilter& filter);

/// All demonstrations, in the order of the files. Local.
[[nodiscard]] std::vector<Demonstration> read_demonstrations(const std::string& prepare_folder);

/// The prompts of a set, in the order of the files. Local.
[[nodiscard]] std::vector<Prompt> read_prompts(const std::string& prepare_folder, PromptSet set);

}  // namespace westofn::dataset
