// SPDX-License-Identifier: Apache-2.0
// How fast a phase with a model was. For the log only: nothing that is published may hold a time.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "inference/work.h"
#include "model/t5.h"

namespace westofn::synthesis {

/// Something that was made or read: "samples", 640.
struct PhaseItems {
  std::string name;
  std::int64_t count = 0;
};

/// What the ranks did together. Sums over ranks, but for `wall_s`.
struct PhaseTotals {
  std::int64_t ranks = 1;
  double wall_s = 0;  ///< of the slowest rank
  double busy_s = 0;  ///< in shards
  inference::Work work;
  std::vector<PhaseItems> items;
};

/// The report of a phase; begins with a headline. Empty if nothing was made.
[[nodiscard]] std::string phase_text(const PhaseTotals& totals, bool on_gpu);

/// Measures this rank from its construction on.
class PhaseMeter {
 public:
  explicit PhaseMeter(model::Placement placement);

  /// Does a part of the phase.
  void run(const std::function<void()>& part);
  /// Adds to the items of this name.
  void count(const std::string& name, std::int64_t items);

  /// Collective: all ranks come here at the end of the phase, with the same names in `names`. Says on rank 0 how fast
  /// it was.
  void report(comm::Communicator& comm, const std::string& stage, std::span<const std::string> names);

 private:
  bool on_gpu_;
  double start_;
  double busy_s_ = 0;
  inference::Work work_;  ///< of the parts
  std::vector<PhaseItems> items_;
};

}  // namespace westofn::synthesis
