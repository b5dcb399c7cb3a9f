// SPDX-License-Identifier: Apache-2.0
// The kept pairs of all ranks on rank 0, which mixes them.
#pragma once

#include <vector>

#include "comm/communicator.h"
#include "io/mixture_file.h"

namespace westofn::synthesis {

/// Collective. On rank 0 the places of the kept pairs of all ranks, in the order of their prompts; elsewhere none. They
/// travel as they are, 32 bytes each: no rank but 0 gets any.
[[nodiscard]] std::vector<io::SyntheticOrigin> gather_kept(comm::Communicator& comm,
                                                           std::vector<io::SyntheticOrigin> mine);

}  // namespace westofn::synthesis
