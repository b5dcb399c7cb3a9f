// SPDX-License-Identifier: Apache-2.0
#include "chain/estimate/estimate.h"

#include <algorithm>

namespace westofn::chain {

double Estimate::total_operations() const {
  double sum = 0;
  for (const Phase& phase : phases) sum += phase.work.operations;
  return sum;
}

double Estimate::total_disk() const {
  double sum = 0;
  for (const Phase& phase : phases) sum += phase.disk;
  return sum;
}

double Estimate::temporary_disk() const {
  double most = 0;
  for (const Phase& phase : phases) most = std::max(most, phase.disk_temporary);
  return most;
}

std::optional<double> Estimate::total_hours() const {
  double sum = 0;
  for (const Phase& phase : phases) {
    if (!phase.hours) return std::nullopt;
    sum += *phase.hours;
  }
  return sum;
}

}  // namespace westofn::chain
