// SPDX-License-Identifier: Apache-2.0
// Where the pairs of a recipe come from.
#pragma once

#include <string>

#include "io/manifest.h"
#include "io/mixture_file.h"

namespace westofn::synthesis {

/// What all pairs of a recipe have in common: its name, and the keys of what wrote and judged the responses. These are
/// the first input of `pools` besides the prepared data, and the first input of `matches` besides the pools and other
/// matches; empty where there is none. `folder_name` is that of the stage, "recipe-NAME-KEY".
[[nodiscard]] io::MixtureLineage common_lineage(const std::string& folder_name, const io::Manifest& pools,
                                                const io::Manifest& matches);

}  // namespace westofn::synthesis
