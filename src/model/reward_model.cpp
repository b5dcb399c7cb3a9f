// SPDX-License-Identifier: Apache-2.0
#include "model/reward_model.h"

#include <ATen/ops/linear.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "io/safetensors.h"
#include "model/layers.h"
#include "model/normal.h"
#include "model/saved_head.h"
#include "model/t5_folder.h"
#include "model/tensor_bytes.h"

namespace westofn::model {
namespace {

io::TensorView number_view(const double& number) { return {io::DType::f64, {1}, std::as_bytes(std::span(&number, 1))}; }

}  // namespace

RewardHead random_head(const T5& t5, std::uint64_t seed) {
  const std::int64_t width = t5.config().d_model;
  const Philox stream("reward_head", seed, 0, "");
  const auto options = at::TensorOptions(t5.placement().device).dtype(wide_type(t5.placement().dtype));
  return {normal_tensor(stream, {width}, 1 / std::sqrt(static_cast<double>(width))).to(options),
          at::zeros({1}, options)};
}

at::Tensor reward(const RewardHead& head, const at::Tensor& states_BD) {
  const at::Tensor wide_BD = states_BD.to(head.weight_D.scalar_type());
  return at::linear(wide_BD, head.weight_D.unsqueeze(0), head.bias).squeeze(1);
}

at::Tensor reward(const RewardModel& model, const TokenBatch& inputs) {
  return reward(model.head, model.t5.first_state(inputs));
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

RewardModel load_reward_model(const std::string& folder, Placement placement) {
  // Headers first: weights can take minutes to read.
  SavedHead saved = load_reward_head(folder, T5Folder(folder).config().d_model, placement.device);
  return {T5::load(folder, placement), std::move(saved.head), saved.scale};
}

}  // namespace westofn::model
