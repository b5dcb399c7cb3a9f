// SPDX-License-Identifier: Apache-2.0
// The file of a reward head, reward_head.safetensors, read by itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "model/reward_model.h"

namespace westofn::model {

inline constexpr const char* head_file = "reward_head.safetensors";
inline constexpr const char* mean_name = "score_mean";
inline constexpr const char* deviation_name = "score_standard_deviation";

/// What the file holds.
struct SavedHead {
  RewardHead head;
  std::optional<ScoreScale> scale;  ///< nothing until it has been measured
};

/// Whether the folder has such a file.
[[nodiscard]] bool has_reward_head(const std::string& folder);

/// Local. Throws DataError if the file is missing, has other tensors than save_reward_head writes, does not fit the
/// width of the T5, or if a number is not finite.
[[nodiscard]] SavedHead load_reward_head(const std::string& folder, std::int64_t d_model, at::Device device);

}  // namespace westofn::model
