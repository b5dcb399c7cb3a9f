// SPDX-License-Identifier: Apache-2.0
#define WESTOFN_LANES 8
#include "cpu/table.h"
#include "cpu/units.h"

namespace westofn::cpu {

const Kernels& x86_v3_kernels() {
  static constexpr Kernels table = kernels_named("AVX2");
  return table;
}

}  // namespace westofn::cpu
