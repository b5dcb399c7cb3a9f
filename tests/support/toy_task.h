// SPDX-License-Identifier: Apache-2.0
// A small regression that a trainer can be tested with, and a way to train it without an experiment.
#pragma once

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "app/stage.h"
#include "comm/device/device_group.h"
#include "training/trainer.h"

namespace westofn::testing {

/// Fits y = (x W + b) * scale; examples weigh 1, 2 or 3; the input is disturbed at random. One weight has no gradient.
class ToyTask : public training::Task {
 public:
  static constexpr std::int64_t inputs = 5;
  static constexpr std::int64_t outputs = 3;
  static constexpr std::int64_t portions = 5;

  ToyTask() {
    weights_ = {{"bias", numbers("bias", {outputs})},
                {"scale", at::ones({1})},
                {"unused", at::ones({2, 2})},
                {"weight", numbers("weight", {inputs, outputs})}};
  }

  [[nodiscard]] const std::vector<model::Parameter>& parameters() const { return weights_; }

  std::vector<training::TrainedWeight> weights() override {
    std::vector<training::TrainedWeight> weights;
    for (const auto& [name, value] : weights_) {
      weights.push_back({name, value, std::nullopt});
      if (name != "unused") weights.back().gradient_type = value.scalar_type();
    }
    return weights;
  }

  std::vector<std::int64_t> batch(std::int64_t step) const override {
    if (on_batch) on_batch(step);
    std::vector<std::int64_t> examples;
    for (std::int64_t i = 0; i < 11; ++i) examples.push_back((step * 7 + i * 3) % 50);
    return examples;
  }

  double weight(std::int64_t example) const override { return static_cast<double>(1 + example % 3); }

  double differentiate(std::span<const std::int64_t> examples, RandomSequence random,
                       const gradient::GradientSink& sink) override {
    ++losses;
    const at::AutoGradMode with_gradients(true);
    std::vector<at::Tensor> values;
    for (const auto& weight : weights_) values.push_back(weight.value.detach().requires_grad_(true));
    at::Tensor total = at::zeros({});
    for (const std::int64_t example : examples) {
      const at::Tensor x = input(example) + 0.01 * random.uniform();
      total = total + weight(example) * (predict(x, values) - target(example)).square().sum() * factor(example);
    }
    total.backward();
    for (std::size_t i = 0; i < values.size(); ++i) sink(weights_[i].value, spoil(values[i].grad()));
    return total.item<double>();
  }

  std::int64_t validation_portions() const override { return portions; }

  Validation validate(std::int64_t portion) override {
    Validation result;
    for (std::int64_t example = 1000 + 4 * portion; example < 1004 + 4 * portion; ++example) {
      const at::Tensor error = predict(input(example), values()) - target(example);
      result.loss += error.square().sum().item<double>();
      result.correct += error.abs().max().item<double>() < 0.5 ? 1 : 0;
      result.weight += 1;
      result.count += 1;
    }
    return result;
  }

  Selection selection() const override { return Selection::loss; }

  std::function<void(std::int64_t)> on_batch;                                     ///< called with each step
  std::function<double(std::int64_t)> factor = [](std::int64_t) { return 1.0; };  ///< of an example's loss
  /// What becomes of a gradient.
  std::function<at::Tensor(at::Tensor)> spoil = [](at::Tensor gradient) { return gradient; };
  int losses = 0;  ///< calls of differentiate()

 private:
  static at::Tensor numbers(const std::string& name, at::IntArrayRef shape) {
    RandomSequence random(Philox("toy", 1, 0, name));
    at::Tensor tensor = at::empty(shape);
    for (std::int64_t i = 0; i < tensor.numel(); ++i)
      tensor.data_ptr<float>()[i] = static_cast<float>(random.uniform() - 0.5);
    return tensor;
  }
  static at::Tensor input(std::int64_t example) { return numbers("x" + std::to_string(example), {inputs}); }
  static at::Tensor target(std::int64_t example) {
    return at::matmul(input(example), numbers("truth", {inputs, outputs})) * 2 + 0.3;
  }
  [[nodiscard]] std::vector<at::Tensor> values() const {
    std::vector<at::Tensor> values;
    for (const auto& weight : weights_) values.push_back(weight.value);
    return values;
  }
  [[nodiscard]] static at::Tensor predict(const at::Tensor& x, const std::vector<at::Tensor>& values) {
    return (at::matmul(x, values[3]) + values[0]) * values[1];
  }

  std::vector<model::Parameter> weights_;
};

/// Settings for a short training of it.
inline training::TrainerOptions toy_options(training::OptimizerKind optimizer) {
  training::TrainerOptions options;
  options.settings.steps = 20;
  options.settings.optimizer = optimizer;
  options.settings.learning_rate = 0.02;
  options.settings.warmup_steps = 3;
  options.settings.schedule = training::ScheduleKind::linear;
  options.settings.weight_decay = 0.01;
  options.settings.validate_every = 6;
  options.runtime.micro_batch = 2;
  return options;
}

/// Collective. Trains in RUN, which exists, as stage "toy".
inline training::TrainingResult train_toy(comm::Communicator& world, const std::string& run, training::Task& task,
                                          const training::TrainerOptions& options, const app::StopControl& stop) {
  const auto node = world.split(0, world.rank());
  const app::CommonOptions common;
  app::JobContext job{world, *node, common, stop};
  const app::StageSpec spec{"toy", 1, "", {}};
  app::StageRun stage(job, app::RunFolder(run), spec, nullptr);
  const auto group = comm::make_device_group(world, at::kCPU);
  auto result = training::train(stage, *group, task, options);
  group->close();
  return result;
}

/// All bits of a result: curve, best step, weights.
inline std::string bytes_of(const training::TrainingResult& result) {
  std::string bytes = std::to_string(result.best_step);
  const auto add = [&](const void* data, std::size_t size) { bytes.append(static_cast<const char*>(data), size); };
  for (const auto& p : result.curve) {
    add(&p.step, sizeof p.step);
    for (const double number : {p.learning_rate, p.loss, p.gradient_norm, p.validation_loss, p.validation_accuracy}) {
      add(&number, sizeof number);
    }
  }
  for (const auto& [name, value] : result.best_weights) {
    bytes += name;
    add(value.data_ptr(), value.nbytes());
  }
  return bytes;
}

}  // namespace westofn::testing
