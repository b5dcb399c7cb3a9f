// SPDX-License-Identifier: Apache-2.0
// The draws of many rows where their logits are: what Sampler does, with tensors.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "generation/sampler.h"

namespace westofn::generation {

/// One draw for each row.
struct DrawInputs {
  at::Tensor logits_RV;          ///< float32 or float64, on any device
  std::vector<double> uniforms;  ///< in [0, 1)
  std::vector<EndToken> end_tokens;
};

/// Local. As Sampler::draw for every row; cumulative sums in float64, exponentials too. Throws DataError if a logit is
/// not finite.
[[nodiscard]] std::vector<Draw> draw_on_device(const DrawInputs& inputs, const SamplingSettings& settings,
                                               tokenizer::TokenId end_id);

}  // namespace westofn::generation
