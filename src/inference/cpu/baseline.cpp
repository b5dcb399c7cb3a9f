// SPDX-License-Identifier: Apache-2.0
#define WESTOFN_LANES 4
#include "inference/cpu/table.h"
#include "inference/cpu/units.h"

namespace westofn::inference::cpu {

const Kernels& baseline_kernels() {
  static constexpr Kernels table = kernels_named("plain");
  return table;
}

}  // namespace westofn::inference::cpu
