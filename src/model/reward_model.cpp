// SPDX-License-Identifier: Apache-2.0
#include "model/reward_model.h"

#include <ATen/ops/linear.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "io/safetensors.h"
#include "model/normal.h"
#include "model/tensor_bytes.h"

namespace westofn::model {
namespace {

constexpr const char* head_file = "reward_head.safetensors";
constexpr const char* mean_name = "score_mean";
constexpr const char* deviation_name = "score_standard_deviation";

io::TensorView number_view(const double& number) { return {io::DType::f64, {1}, std::as_bytes(std::span(&number, 1))}; }

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

}  // namespace

RewardHead random_head(const T5& t5, std::uint64_t seed) {
  const std::int64_t width = t5.config().d_model;
  const Philox stream("reward_head", seed, 0, "");
  const at::Device device = t5.placement().device;
  return {normal_tensor(stream, {width}, 1 / std::sqrt(static_cast<double>(width))).to(device),
          at::zeros({1}, at::TensorOptions(device).dtype(at::kFloat))};
}

at::Tensor reward(const RewardModel& model, const TokenBatch& inputs) {
  const at::Tensor states_BD = model.t5.first_state(inputs).to(at::kFloat);
  return at::linear(states_BD, model.head.weight_D.unsqueeze(0), model.head.bias).squeeze(1);
}

std::vector<Parameter> parameters(const RewardModel& model) {
  std::vector<Parameter> all = model.t5.parameters();
  all.push_back({"reward_head.weight", model.head.weight_D});
  all.push_back({"reward_head.bias", model.head.bias});
  std::sort(all.begin(), all.end(), [](const Parameter& a, const Parameter& b) { return a.name < b.name; });
  return all;
}

io::FileInfo save_reward_head(const std::string& folder, const RewardHead& head,
                              const std::optional<ScoreScale>& scale) {
  const std::vector<Parameter> weights = {{"weight", head.weight_D.detach().unsqueeze(0)}, {"bias", head.bias}};
  const SavedTensors saved(weights);
  std::vector<io::NamedTensor> tensors = saved.tensors();
  if (scale) {
    tensors.push_back({mean_name, number_view(scale->mean)});
    tensors.push_back({deviation_name, number_view(scale->standard_deviation)});
  }
  return io::write_safetensors(folder + "/" + head_file, tensors, {{"format", "pt"}});
}

SavedHead load_reward_head(const std::string& folder, std::int64_t d_model, at::Device device) {
  const io::SafetensorsFile file(folder + "/" + head_file);
  const Placement placement{device, at::kFloat};
  return {{read_tensor(file, "weight", {1, d_model}, placement).squeeze(0), read_tensor(file, "bias", {1}, placement)},
          read_scale(file)};
}

RewardModel load_reward_model(const std::string& folder, Placement placement) {
  T5 t5 = T5::load(folder, placement);
  SavedHead saved = load_reward_head(folder, t5.config().d_model, placement.device);
  return {std::move(t5), std::move(saved.head), saved.scale};
}

}  // namespace westofn::model
