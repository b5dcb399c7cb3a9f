// SPDX-License-Identifier: Apache-2.0
// Small bfloat16 products for our attention kernels, from oneDNN, which knows the matrix units of the CPU.
#pragma once

#include "cpu/kernels.h"

namespace westofn::inference {

/// nullptr where the CPU does not multiply bfloat16.
[[nodiscard]] cpu::BlockProduct block_product();

/// Each thread calls it when its products are done: the matrix unit has a state that others must not find.
void release_block_product();

}  // namespace westofn::inference
