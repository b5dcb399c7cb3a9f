// SPDX-License-Identifier: Apache-2.0
// One decoder step at a time: keys and values of the source once a prompt, those of the target preallocated.
//
// R rows are being written, P prompts are read; each prompt has R / P rows, one after the other.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "model/t5.h"

namespace westofn::model {

/// Keys and values of the source for every decoder layer, never expanded to the rows.
struct CrossCache {
  std::vector<at::Tensor> keys_PHSK;
  std::vector<at::Tensor> values_PHSK;
  at::Tensor mask_P11S;
};

/// Keys and values of the target for every decoder layer; positions from the current one on are not yet written.
struct SelfCache {
  std::vector<at::Tensor> keys_RHTK;
  std::vector<at::Tensor> values_RHTK;
};

/// Local. Runs the key and value projections of the source.
[[nodiscard]] CrossCache make_cross_cache(const T5& model, const EncoderOutput& source);

/// Local. Room for `rows` targets of at most `positions` tokens.
[[nodiscard]] SelfCache make_self_cache(const T5& model, std::int64_t rows, std::int64_t positions);

/// Local. The states [R,D] after feeding `ids_R` (int64) at `position` (from 0) to every row; writes that position of
/// `self`. `rows_P` of equal length for each prompt: R is a multiple of P and rows r*R/P .. belong to prompt r.
[[nodiscard]] at::Tensor decode_step(const T5& model, const CrossCache& cross, SelfCache& self, const at::Tensor& ids_R,
                                     std::int64_t position);

}  // namespace westofn::model
