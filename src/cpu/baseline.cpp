// SPDX-License-Identifier: Apache-2.0
#define WESTOFN_LANES 4
#include "cpu/table.h"
#include "cpu/units.h"

namespace westofn::cpu {

const Kernels& baseline_kernels() {
  static constexpr Kernels table = kernels_named("plain");
  return table;
}

}  // namespace westofn::cpu
