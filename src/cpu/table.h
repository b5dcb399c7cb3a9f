// SPDX-License-Identifier: Apache-2.0
// The table of all kernels for one kind of vector unit. A file that includes this is compiled with the flags of that
// unit, defines WESTOFN_LANES before and a function that returns the table behind.
#pragma once

#include "cpu/attention.h"
#include "cpu/attention_gradient.h"
#include "cpu/rows.h"
#include "cpu/rows_gradient.h"

namespace westofn::cpu {
namespace {

template <class T>
constexpr RowKernels<T> row_kernels = {norm_rows<T>,
                                       add_rows<T>,
                                       gated_gelu_rows<T>,
                                       pack_keys<T>,
                                       pack_values<T>,
                                       attend<T>,
                                       attend_step<T>,
                                       attend_for_training<T>,
                                       attend_gradient<T>,
                                       norm_gradient_rows<T>,
                                       gated_gelu_gradient_rows<T>,
                                       sum_rows<T>,
                                       convert_rows<T>,
                                       drop_rows<T>};

constexpr Kernels kernels_named(const char* name) {
  return {name,       panel,      multiply<float>, multiply<Bf16>, row_kernels<float>, row_kernels<Bf16>,
          largest_of, sum_exp_of, weigh_logits,    sum_squares_of, adamw_rows};
}

}  // namespace
}  // namespace westofn::cpu
