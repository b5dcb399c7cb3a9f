// SPDX-License-Identifier: Apache-2.0
// The table of all kernels for one kind of vector unit. A file that includes this is compiled with the flags of that
// unit, defines WESTOFN_LANES before and a function that returns the table behind.
#pragma once

#include "inference/cpu/attention.h"
#include "inference/cpu/rows.h"

namespace westofn::inference::cpu {
namespace {

template <class T>
constexpr RowKernels<T> row_kernels = {norm_rows<T>,   add_rows<T>, gated_gelu_rows<T>, pack_keys<T>,
                                       pack_values<T>, attend<T>,   attend_step<T>};

constexpr Kernels kernels_named(const char* name) {
  return {name,       panel,      multiply<float>, multiply<Bf16>, row_kernels<float>, row_kernels<Bf16>,
          largest_of, sum_exp_of, weigh_logits};
}

}  // namespace
}  // namespace westofn::inference::cpu
