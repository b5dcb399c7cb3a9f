// SPDX-License-Identifier: Apache-2.0
// One function for each kind of vector unit that this build has kernels for.
#pragma once

#include "cpu/kernels.h"

namespace westofn::cpu {

[[nodiscard]] const Kernels& baseline_kernels();  ///< runs everywhere
[[nodiscard]] const Kernels& x86_v3_kernels();    ///< AVX2 and FMA
[[nodiscard]] const Kernels& x86_v4_kernels();    ///< AVX-512 F, BW, CD, DQ, VL

}  // namespace westofn::cpu
