// SPDX-License-Identifier: Apache-2.0
#include "model/saved_head.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <utility>

#include "io/safetensors.h"
#include "model/tensor_bytes.h"
#include "util/error.h"
#include "util/text.h"

namespace westofn::model {
namespace {

at::Tensor read_tensor(const io::SafetensorsFile& file, const std::string& name, const std::vector<std::int64_t>& shape,
                       const Placement& placement) {
  const auto found = file.tensors().find(name);
  if (found == file.tensors().end()) fail({file.path(), name}, "is missing; this is not the head of a reward model");
  return to_tensor(found->second, shape, {file.path(), name}, placement);
}

std::optional<ScoreScale> read_scale(const io::SafetensorsFile& file) {
  if (!file.tensors().contains(mean_name) && !file.tensors().contains(deviation_name)) return std::nullopt;
  const auto number = [&](const char* name) {
    return read_tensor(file, name, {1}, {at::kCPU, at::kDouble}).item<double>();
  };
  const ScoreScale scale{number(mean_name), number(deviation_name)};
  if (!std::isfinite(scale.mean)) fail({file.path(), mean_name}, "is not a finite number");
  if (!std::isfinite(scale.standard_deviation) || scale.standard_deviation <= 0) {
    fail({file.path(), deviation_name}, "is not a positive number");
  }
  return scale;
}

/// Throws DataError if there is a tensor that save_reward_head does not write: then it is the head of another model.
void check_names(const io::SafetensorsFile& file) {
  constexpr std::array<std::string_view, 4> known = {"weight", "bias", mean_name, deviation_name};
  for (const auto& [name, view] : file.tensors()) {
    if (std::ranges::find(known, name) == known.end()) {
      fail({file.path(), name}, "is not part of the head of a reward model");
    }
  }
}

}  // namespace

bool has_reward_head(const std::string& folder) { return io::file_status(folder + "/" + head_file).has_value(); }

SavedHead load_reward_head(const std::string& folder, std::int64_t d_model, at::Device device) {
  const std::string path = folder + "/" + head_file;
  if (!has_reward_head(folder)) {
    throw DataError(printable(path, 1000) + ": there is no such file; name the folder of a pointwise reward model");
  }
  const io::SafetensorsFile file(path);
  check_names(file);
  const Placement placement{device, at::kFloat};
  RewardHead head{read_tensor(file, "weight", {1, d_model}, placement).squeeze(0),
                  read_tensor(file, "bias", {1}, placement)};
  return {std::move(head), read_scale(file)};
}

}  // namespace westofn::model
