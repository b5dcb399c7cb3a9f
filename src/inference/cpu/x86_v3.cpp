// SPDX-License-Identifier: Apache-2.0
#define WESTOFN_LANES 8
#include "inference/cpu/table.h"
#include "inference/cpu/units.h"

namespace westofn::inference::cpu {

const Kernels& x86_v3_kernels() {
  static constexpr Kernels table = kernels_named("AVX2");
  return table;
}

}  // namespace westofn::inference::cpu
