// SPDX-License-Identifier: Apache-2.0
// Exact quantiles over the values of all ranks, of which no rank sees more than counts.
#pragma once

#include <span>
#include <vector>

#include "comm/communicator.h"
#include "selection/quantile_counts.h"

namespace westofn::synthesis {

/// The values of one filter on this rank, and the share of the values of all ranks that it drops.
struct QuantileRequest {
  std::span<const selection::Ranked> local;
  double q = 0;
};

/// Collective. The cut of each request: of the n values of all ranks exactly n - floor(q n) are kept by
/// selection::is_kept. Without values the cut is 0. Every rank makes
/// the same requests. A rank receives 2 KiB of counts a request for each of 16 digits.
[[nodiscard]] std::vector<selection::Cut> global_cuts(comm::Communicator& comm,
                                                      std::span<const QuantileRequest> requests);

}  // namespace westofn::synthesis
