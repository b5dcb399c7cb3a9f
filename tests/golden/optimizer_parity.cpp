// SPDX-License-Identifier: Apache-2.0
// What the optimizers, the schedules and the choice of weights that decay give, for comparison with transformers:
//   optimizer_parity update KIND RATE DECAY CLIP BETA1 BETA2 EPS IN.safetensors OUT.safetensors
//     IN has "weights/NAME" and "gradients/NAME" [steps, ...]; OUT gets the weights as float64. CLIP: see clip_factor.
//   optimizer_parity rates SCHEDULE RATE WARMUP STEPS    a line for each step
//   optimizer_parity decays NAME...                      0 or 1 a line
#include <ATen/ATen.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "model/tensor_bytes.h"
#include "training/optimizer.h"
#include "training/schedule.h"

namespace {

using namespace westofn;

double number(const std::string& word) { return std::strtod(word.c_str(), nullptr); }

template <class Enum>
Enum named(const std::string& word) {
  for (const auto& entry : config::EnumNames<Enum>::table) {
    if (entry.name == word) return entry.value;
  }
  std::exit(2);
}

at::Tensor read(const io::SafetensorsFile& file, const std::string& name) {
  const io::TensorView& view = file.tensors().at(name);
  const auto type = view.dtype == io::DType::f64 ? at::kDouble : at::kFloat;
  return model::to_tensor(view, view.shape, {file.path(), name}, {at::kCPU, type});
}

/// A tensor that is trained, and what belongs to it.
struct Trained {
  std::string name;
  at::Tensor weights;
  at::Tensor gradients;  ///< [steps, ...]
  training::OptimizerState state;
};

std::vector<Trained> read_all(const std::string& path, training::OptimizerKind kind) {
  const io::SafetensorsFile file(path);
  std::vector<Trained> all;
  for (const auto& [name, view] : file.tensors()) {
    if (!name.starts_with("weights/")) continue;
    Trained one{name.substr(8), read(file, name), read(file, "gradients/" + name.substr(8)), {}};
    one.state = training::initial_state(kind, one.weights);
    all.push_back(std::move(one));
  }
  return all;
}

void write_all(const std::string& path, const std::vector<Trained>& all) {
  std::vector<at::Tensor> results;
  std::vector<io::NamedTensor> tensors;
  for (const Trained& one : all) {
    const at::Tensor& result = results.emplace_back(one.weights.to(at::kDouble).contiguous());
    const std::span values(result.const_data_ptr<double>(), static_cast<std::size_t>(result.numel()));
    tensors.push_back({one.name, {io::DType::f64, result.sizes().vec(), std::as_bytes(values)}});
  }
  io::write_safetensors(path, tensors, {});
}

void update(const std::vector<std::string>& words) {
  const auto kind = named<training::OptimizerKind>(words.at(1));
  const training::AdamSettings adam{number(words.at(5)), number(words.at(6)), number(words.at(7))};
  std::vector<Trained> all = read_all(words.at(8), kind);
  const std::int64_t steps = all.at(0).gradients.size(0);
  for (std::int64_t step = 0; step < steps; ++step) {
    double square = 0;
    for (const Trained& one : all) square += one.gradients[step].to(at::kDouble).square().sum().item<double>();
    const double factor = training::clip_factor(number(words.at(4)), std::sqrt(square));
    for (Trained& one : all) {
      const at::Tensor gradient = one.gradients[step].mul(factor);
      training::update(kind, one.weights, one.state,
                       {gradient, step + 1, number(words.at(2)), number(words.at(3)), adam});
    }
  }
  write_all(words.at(9), all);
}

void rates(const std::vector<std::string>& words) {
  const training::TrainSettings settings{.steps = std::atoll(words.at(4).c_str()),
                                         .learning_rate = number(words.at(2)),
                                         .warmup_steps = std::atoll(words.at(3).c_str()),
                                         .schedule = named<training::ScheduleKind>(words.at(1))};
  for (std::int64_t step = 0; step < settings.steps; ++step) {
    std::printf("%.17g\n", training::learning_rate(settings, step));
  }
}

}  // namespace

int main(int count, char** arguments) {
  const std::vector<std::string> words(arguments + 1, arguments + count);
  if (words.size() == 10 && words[0] == "update") {
    update(words);
  } else if (words.size() == 5 && words[0] == "rates") {
    rates(words);
  } else if (!words.empty() && words[0] == "decays") {
    for (std::size_t i = 1; i < words.size(); ++i) std::printf("%d\n", training::decays(words[i]) ? 1 : 0);
  } else {
    return 2;
  }
  return 0;
}
