// SPDX-License-Identifier: Apache-2.0
#include "synthesis/kept_pairs.h"

#include <algorithm>
#include <utility>

namespace westofn::synthesis {

std::vector<io::SyntheticOrigin> gather_kept(comm::Communicator& comm, std::vector<io::SyntheticOrigin> mine) {
  comm::Gathered<io::SyntheticOrigin> all = comm.gather_variable(mine, 0);
  mine = {};
  std::ranges::sort(all.values, {}, &io::SyntheticOrigin::prompt);
  return std::move(all.values);
}

}  // namespace westofn::synthesis
