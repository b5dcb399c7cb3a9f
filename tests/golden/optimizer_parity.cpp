// SPDX-License-Identifier: Apache-2.0
// Runs an optimizer on weights and gradients from a file: optimizer_parity KIND RATE DECAY IN.safetensors
// OUT.safetensors. IN has "weights/NAME" and "gradients/NAME" [steps, ...]; OUT gets the weights as float64.
#include <ATen/ATen.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "model/tensor_bytes.h"
#include "training/optimizer.h"

namespace {

using namespace westofn;

at::Tensor read(const io::SafetensorsFile& file, const std::string& name) {
  const io::TensorView& view = file.tensors().at(name);
  const auto type = view.dtype == io::DType::f64 ? at::kDouble : at::kFloat;
  return model::to_tensor(view, view.shape, {file.path(), name}, {at::kCPU, type});
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 6) return 2;
  const std::vector<std::string> words(arguments + 1, arguments + count);
  const auto kind = words[0] == "adamw" ? training::OptimizerKind::adamw : training::OptimizerKind::adafactor;
  const double rate = std::strtod(words[1].c_str(), nullptr);
  const double decay = std::strtod(words[2].c_str(), nullptr);
  const io::SafetensorsFile file(words[3]);
  std::vector<at::Tensor> results;
  std::vector<io::NamedTensor> tensors;
  for (const auto& [name, view] : file.tensors()) {
    if (!name.starts_with("weights/")) continue;
    const at::Tensor weights = read(file, name);
    const at::Tensor gradients = read(file, "gradients/" + name.substr(8));
    training::OptimizerState state = training::initial_state(kind, weights);
    for (std::int64_t step = 0; step < gradients.size(0); ++step) {
      training::update(kind, weights, state, {gradients[step], step + 1, rate, decay});
    }
    const at::Tensor& result = results.emplace_back(weights.to(at::kDouble).contiguous());
    const std::span values(result.const_data_ptr<double>(), static_cast<std::size_t>(result.numel()));
    tensors.push_back({name.substr(8), {io::DType::f64, result.sizes().vec(), std::as_bytes(values)}});
  }
  io::write_safetensors(words[4], tensors, {});
  return 0;
}
