// SPDX-License-Identifier: Apache-2.0
#define WESTOFN_LANES 16
#include "inference/cpu/table.h"
#include "inference/cpu/units.h"

namespace westofn::inference::cpu {

const Kernels& x86_v4_kernels() {
  static constexpr Kernels table = kernels_named("AVX-512");
  return table;
}

}  // namespace westofn::inference::cpu
