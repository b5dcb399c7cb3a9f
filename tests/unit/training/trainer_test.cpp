// SPDX-License-Identifier: Apache-2.0
// What a training computes: the same bits on any number of ranks, and what a plain loop computes.
#include "training/trainer.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cmath>

#include "training/checkpoint.h"
#include "training/schedule.h"
#include "unit/training/trainer_fixture.h"

namespace westofn::training {
namespace {

using testing::bytes_of;
using testing::ToyTask;

TEST_F(TrainerTest, GivesTheSameBitsOnAnyNumberOfRanks) {
  for (const auto& options : {adamw_options, adafactor_options}) {
    const std::string kind(config::enum_name(options.settings.optimizer));
    const auto one = run(1, kind + "1", options);
    EXPECT_EQ(one.curve.size(), 21U);
    EXPECT_LT(one.curve[20].loss, one.curve[1].loss);
    for (const int ranks : {2, 3, 4, 7}) {
      EXPECT_EQ(bytes_of(run(ranks, kind + std::to_string(ranks), options)), bytes_of(one)) << ranks << " ranks";
      EXPECT_EQ(losses_, 20 * 6) << "every micro-batch is computed once";
    }
  }
}

/// AdamW in float64 with gradients summed in float64: nothing shared with the trainer but the gradients of
/// micro-batches.
struct PlainLoop {
  std::vector<at::Tensor> masters, m, v;
  std::vector<double> losses, norms;

  PlainLoop(ToyTask& task, const TrainerOptions& options) {
    for (const auto& p : task.parameters()) {
      masters.push_back(p.value.to(at::kDouble).clone());
      m.push_back(at::zeros_like(masters.back()));
      v.push_back(at::zeros_like(masters.back()));
    }
    for (std::int64_t step = 0; step < options.settings.steps; ++step) run_step(task, options, step);
  }

  void run_step(ToyTask& task, const TrainerOptions& options, std::int64_t step) {
    const auto examples = task.batch(step);
    std::vector<at::Tensor> gradients;
    for (const auto& master : masters) gradients.push_back(at::zeros_like(master));
    double loss = 0;
    double weight = 0;
    for (const auto example : examples) weight += task.weight(example);
    for (std::size_t part = 0; part * 2 < examples.size(); ++part) {
      const std::size_t count = std::min<std::size_t>(2, examples.size() - 2 * part);
      const Philox philox("train", options.seed, static_cast<std::uint64_t>(step), std::to_string(part));
      std::size_t next = 0;
      loss += task.differentiate(std::span(examples).subspan(2 * part, count), RandomSequence(philox),
                                 [&](const at::Tensor&, const at::Tensor& gradient) {
                                   if (gradient.defined()) gradients[next] += gradient.to(at::kDouble);
                                   ++next;
                                 });
    }
    losses.push_back(loss / weight);
    double square = 0;
    for (auto& gradient : gradients) square += (gradient /= weight).square().sum().item<double>();
    norms.push_back(std::sqrt(square));
    const double clip = std::min(1.0, *options.settings.clip_norm / (norms.back() + 1e-6));
    for (std::size_t i = 0; i < masters.size(); ++i) update(task, options, step, i, gradients[i] * clip);
  }

  void update(ToyTask& task, const TrainerOptions& options, std::int64_t step, std::size_t i, const at::Tensor& g) {
    const auto t = static_cast<double>(step + 1);
    const TrainSettings& settings = options.settings;
    const double lr = learning_rate(settings, step);
    const double beta1 = settings.adam_beta1;
    const double beta2 = settings.adam_beta2;
    m[i] = beta1 * m[i] + (1 - beta1) * g;
    v[i] = beta2 * v[i] + (1 - beta2) * g * g;
    const at::Tensor root = (v[i] / (1 - std::pow(beta2, t))).sqrt() + settings.adam_eps;
    const double decay = task.parameters()[i].name == "bias" ? 0 : settings.weight_decay;
    masters[i] = masters[i] * (1 - lr * decay) - lr * (m[i] / (1 - std::pow(beta1, t))) / root;
    const at::NoGradGuard no_grad;
    task.parameters()[i].value.copy_(masters[i]);
  }
};

TEST_F(TrainerTest, AgreesWithAPlainLoopInFloat64) {
  for (const double clip_norm : {0.05, 1e9}) {
    auto options = adamw_options;
    options.settings.clip_norm = clip_norm;
    options.settings.weight_decay = 0.1;
    options.settings.adam_beta1 = 0.8;
    options.settings.adam_beta2 = 0.95;
    options.settings.adam_eps = 1e-3;
    options.settings.validate_every = 100;  // so that the best weights are the last
    ToyTask task;
    const PlainLoop plain(task, options);
    const auto result = run(2, "clip" + std::to_string(clip_norm), options);
    EXPECT_EQ(result.best_step, 20);
    for (std::size_t i = 0; i < plain.masters.size(); ++i) {
      const at::Tensor difference = result.best_weights[i].value.to(at::kDouble) - plain.masters[i];
      EXPECT_LT(difference.abs().max().item<double>(), 2e-6) << result.best_weights[i].name;
    }
    for (std::size_t s = 0; s < 20; ++s) {
      EXPECT_NEAR(result.curve[s + 1].loss, plain.losses[s], 1e-5 * plain.losses[s]) << s;
      EXPECT_NEAR(result.curve[s + 1].gradient_norm, plain.norms[s], 1e-5 * plain.norms[s]) << s;
    }
  }
}

TEST_F(TrainerTest, ClipsAdafactorOnlyIfItIsToldTo) {
  auto options = adafactor_options;
  const auto unset = run(1, "unset", options);
  options.settings.clip_norm = 0;
  EXPECT_EQ(bytes_of(run(1, "none", options)), bytes_of(unset));
  options.settings.clip_norm = 0.05;  // far below the norms of all steps
  const auto clipped = run(1, "clipped", options);
  EXPECT_NE(bytes_of(clipped), bytes_of(unset));
  EXPECT_GT(clipped.curve[1].gradient_norm, 0.05) << "the curve has the norm before clipping";
  options = adamw_options;
  const auto of_adamw = run(1, "adamw-unset", options);
  options.settings.clip_norm = 1;
  EXPECT_EQ(bytes_of(run(1, "adamw-one", options)), bytes_of(of_adamw));
  options.settings.clip_norm = 0;
  EXPECT_NE(bytes_of(run(1, "adamw-none", options)), bytes_of(of_adamw));
}

TEST_F(TrainerTest, SharesOutTheStateOfTheOptimizer) {
  const auto largest_share = [&](int ranks, const std::string& name) {
    break_at(3, ranks, name);
    std::uintmax_t largest = 0;
    for (int rank = 0; rank < ranks; ++rank) {
      const auto file = checkpoints(name).back() / ("state-0000" + std::to_string(rank) + ".safetensors");
      const io::SafetensorsFile share(file.string());
      std::uintmax_t bytes = 0;
      for (const auto& [tensor, view] : share.tensors()) bytes += tensor == "curve" ? 0 : view.bytes.size();
      largest = std::max(largest, bytes);
    }
    return largest;
  };
  // [5,3] weighs 15 of 23 numbers: three ranks cannot do better than to give it to one of them.
  EXPECT_LE(largest_share(3, "three"), largest_share(1, "one") * 3 / 4);
}

}  // namespace
}  // namespace westofn::training
