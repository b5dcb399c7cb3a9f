// SPDX-License-Identifier: Apache-2.0
// What one prompt, one response and one comparison cost with a model, whatever the experiment.
#pragma once

#include <optional>
#include <string>

#include "chain/estimate/memory.h"

namespace westofn::chain {

/// What the costs are asked for.
struct CostQuestion {
  double prompt_tokens = 512;
  double response_tokens = 128;
  std::int64_t n = 64;  ///< responses of a prompt
  model::RuntimeSettings runtime;
  std::optional<double> memory_bytes;  ///< of a device
};

struct ModelCosts {
  WeightCounts weights;
  double float32_bytes = 0;
  double bfloat16_bytes = 0;
  double cross_cache = 0;                 ///< bytes of a prompt, for all its responses
  double self_cache = 0;                  ///< bytes of a response of full length
  double read_prompt = 0;                 ///< operations: encoder, keys and values
  double write_response = 0;              ///< operations
  double compare = 0;                     ///< operations of one order of a pair of responses
  double train_pair = 0;                  ///< operations of a reward model for one pair, forward and backward
  std::optional<double> prompts_at_once;  ///< that fit, with all their responses
};

[[nodiscard]] ModelCosts model_costs(const model::T5Config& config, const CostQuestion& question);

/// Rows for people: weights by part and bytes of each type, under `name`; then the costs.
[[nodiscard]] std::string to_text(const std::string& name, const CostQuestion& question, const ModelCosts& costs);
[[nodiscard]] std::string to_json(const std::string& name, const CostQuestion& question, const ModelCosts& costs);

}  // namespace westofn::chain
