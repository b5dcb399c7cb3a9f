// SPDX-License-Identifier: Apache-2.0
// Vectors of 16 floats for any CPU: the compiler splits them.
#define WESTOFN_LANES 16
#include "unit/cpu/wide_kernels.h"

#include "cpu/table.h"

namespace westofn::testing {

const cpu::Kernels& wide_kernels() {
  static constexpr cpu::Kernels table = cpu::kernels_named("16 lanes");
  return table;
}

}  // namespace westofn::testing
