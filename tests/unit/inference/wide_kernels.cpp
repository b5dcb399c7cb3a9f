// SPDX-License-Identifier: Apache-2.0
// Vectors of 16 floats for any CPU: the compiler splits them.
#define WESTOFN_LANES 16
#include "unit/inference/wide_kernels.h"

#include "inference/cpu/table.h"

namespace westofn::testing {

const inference::cpu::Kernels& wide_kernels() {
  static constexpr inference::cpu::Kernels table = inference::cpu::kernels_named("16 lanes");
  return table;
}

}  // namespace westofn::testing
