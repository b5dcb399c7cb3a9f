// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cpu/kernels.h"

namespace westofn::testing {

/// The kernels for vectors of 16 floats, runnable everywhere.
const cpu::Kernels& wide_kernels();

}  // namespace westofn::testing
