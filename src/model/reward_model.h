// SPDX-License-Identifier: Apache-2.0
// A pointwise reward model: a T5 and a linear head on its first decoder state. Folder: that of the T5 plus
// reward_head.safetensors.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/t5.h"

namespace westofn::model {

/// On the final-normed decoder state, which is never scaled by d_model^-0.5 (that belongs to the language-model head):
/// what transformers calls the last hidden state. Always float32, whatever the T5 is (float64 for a float64 T5).
struct RewardHead {
  at::Tensor weight_D;
  at::Tensor bias;  ///< one number
};

/// Of raw scores over sample 0 of each validation prompt.
struct ScoreScale {
  double mean = 0;
  double standard_deviation = 1;
};

struct RewardModel {
  T5 t5;
  RewardHead head;
  std::optional<ScoreScale> scale;  ///< nothing until it has been measured
};

/// Local. Weights N(0, 1/d_model) from the Philox stream (purpose "reward_head", seed), bias 0.
[[nodiscard]] RewardHead random_head(const T5& t5, std::uint64_t seed);

/// Local. The raw rewards [B] of first decoder states [B,D] in the type of the head, differentiable.
[[nodiscard]] at::Tensor reward(const RewardHead& head, const at::Tensor& states_BD);
/// Local. The same of inputs.
[[nodiscard]] at::Tensor reward(const RewardModel& model, const TokenBatch& inputs);

/// Local. All weights: those of the T5 and "reward_head.weight", "reward_head.bias", in order of names.
[[nodiscard]] std::vector<Parameter> parameters(const RewardModel& model);

/// Local. Writes reward_head.safetensors (tensors weight [1, D], bias [1], and the scale as float64 score_mean,
/// score_standard_deviation if there is one). Throws IoError.
io::FileInfo save_reward_head(const std::string& folder, const RewardHead& head,
                              const std::optional<ScoreScale>& scale);

/// Local. Throws DataError if a file is missing or does not fit the T5.
[[nodiscard]] RewardModel load_reward_model(const std::string& folder, Placement placement);

}  // namespace westofn::model
