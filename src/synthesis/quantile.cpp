// SPDX-License-Identifier: Apache-2.0
#include "synthesis/quantile.h"

#include <cstddef>
#include <cstdint>

namespace westofn::synthesis {

using selection::CutSearch;

std::vector<selection::Cut> global_cuts(comm::Communicator& comm, std::span<const QuantileRequest> requests) {
  std::vector<std::int64_t> sizes;
  for (const auto& request : requests) sizes.push_back(static_cast<std::int64_t>(request.local.size()));
  comm.all_reduce(sizes, comm::ReduceOp::sum);

  std::vector<CutSearch> searches;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    searches.emplace_back(selection::dropped_count(requests[i].q, sizes[i]));
  }
  std::vector<std::int64_t> counts(requests.size() * CutSearch::digits);
  const auto counts_of = [&](std::size_t request) {
    return std::span(counts).subspan(request * CutSearch::digits).first<CutSearch::digits>();
  };
  for (int pass = 0; pass < CutSearch::passes; ++pass) {
    counts.assign(counts.size(), 0);
    for (std::size_t i = 0; i < requests.size(); ++i) searches[i].add_counts(requests[i].local, counts_of(i));
    comm.all_reduce(counts, comm::ReduceOp::sum);
    for (std::size_t i = 0; i < requests.size(); ++i) {
      if (sizes[i] > 0) searches[i].narrow(counts_of(i));
    }
    comm.beat();
  }

  std::vector<selection::Cut> cuts;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    cuts.push_back(sizes[i] > 0 ? searches[i].cut() : selection::Cut{});
  }
  return cuts;
}

}  // namespace westofn::synthesis
