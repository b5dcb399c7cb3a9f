// SPDX-License-Identifier: Apache-2.0
#include "training/optimizer.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "util/philox.h"

namespace westofn::training {
namespace {

constexpr std::size_t rows = 3;
constexpr std::size_t columns = 4;
using Numbers = std::vector<double>;

Numbers random_numbers(const std::string& name, std::size_t count) {
  RandomSequence random(Philox("test", 1, 0, name));
  Numbers values(count);
  for (auto& value : values) value = random.uniform() - 0.5;
  return values;
}

at::Tensor matrix(const Numbers& values) {
  return at::tensor(values, at::kDouble).view({static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns)});
}

double rms(const Numbers& values) {
  double sum = 0;
  for (const double value : values) sum += value * value;
  return std::sqrt(sum / static_cast<double>(values.size()));
}

/// Adafactor of one matrix, number by number.
struct SlowAdafactor {
  Numbers row = Numbers(rows, 0.0);
  Numbers column = Numbers(columns, 0.0);
  double weight_decay = 0;

  void step(Numbers& w, const Numbers& g, double lr, int number) {
    const double decay = 1 - std::pow(number, -0.8);
    for (auto& value : row) value *= decay;
    for (auto& value : column) value *= decay;
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t c = 0; c < columns; ++c) {
        const double square = g[r * columns + c] * g[r * columns + c] + 1e-30;
        row[r] += (1 - decay) * square / columns;
        column[c] += (1 - decay) * square / rows;
      }
    }
    double mean_row = 0;
    for (const double value : row) mean_row += value / rows;
    Numbers change(w.size());
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t c = 0; c < columns; ++c) {
        change[r * columns + c] = g[r * columns + c] / std::sqrt(row[r] / mean_row * column[c]);
      }
    }
    const double scaled = lr * std::max(1e-3, rms(w));
    const double factor = scaled / std::max(1.0, rms(change));
    for (std::size_t i = 0; i < w.size(); ++i) w[i] -= scaled * weight_decay * w[i] + factor * change[i];
  }
};

TEST(Adafactor, AgreesWithOneThatGoesNumberByNumber) {
  for (const double weight_decay : {0.0, 0.1}) {
    Numbers slow = random_numbers("w", rows * columns);
    const at::Tensor fast = matrix(slow);
    OptimizerState state = initial_state(OptimizerKind::adafactor, fast);
    SlowAdafactor reference;
    reference.weight_decay = weight_decay;
    for (int number = 1; number <= 20; ++number) {
      const Numbers gradient = random_numbers("g" + std::to_string(number), rows * columns);
      reference.step(slow, gradient, 0.05, number);
      update(OptimizerKind::adafactor, fast, state, {matrix(gradient), number, 0.05, weight_decay});
      EXPECT_LT((fast - matrix(slow)).abs().max().item<double>(), 1e-13) << number;
    }
  }
}

TEST(AdamW, AgreesWithOneThatGoesNumberByNumber) {
  for (const AdamSettings& adam : {AdamSettings{}, AdamSettings{0.5, 0.9, 1e-2}}) {
    const auto [beta1, beta2, eps] = adam;
    Numbers slow = random_numbers("w", rows * columns);
    const at::Tensor fast = matrix(slow);
    OptimizerState state = initial_state(OptimizerKind::adamw, fast);
    Numbers m(slow.size(), 0.0);
    Numbers v(slow.size(), 0.0);
    for (int number = 1; number <= 20; ++number) {
      const Numbers g = random_numbers("g" + std::to_string(number), rows * columns);
      for (std::size_t i = 0; i < slow.size(); ++i) {
        m[i] = beta1 * m[i] + (1 - beta1) * g[i];
        v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
        const double root = std::sqrt(v[i] / (1 - std::pow(beta2, number))) + eps;
        slow[i] = slow[i] * (1 - 0.05 * 0.1) - 0.05 * m[i] / (1 - std::pow(beta1, number)) / root;
      }
      update(OptimizerKind::adamw, fast, state, {matrix(g), number, 0.05, 0.1, adam});
      EXPECT_LT((fast - matrix(slow)).abs().max().item<double>(), 1e-13) << number;
    }
  }
}

TEST(Decays, WhatIsNeitherANormNorABias) {
  for (const char* name : {"shared.weight", "lm_head.weight", "encoder.block.0.layer.0.SelfAttention.q.weight",
                           "decoder.block.1.layer.2.DenseReluDense.wo.weight", "reward_head.weight"}) {
    EXPECT_TRUE(decays(name)) << name;
  }
  for (const char* name :
       {"encoder.block.0.layer.0.layer_norm.weight", "decoder.final_layer_norm.weight",
        "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", "reward_head.bias"}) {
    EXPECT_FALSE(decays(name)) << name;
  }
}

TEST(ClipFactor, BringsALargerNormDownToTheLimit) {
  EXPECT_EQ(clip_factor(1, 0.5), 1);
  EXPECT_EQ(clip_factor(0, 1e9), 1);
  EXPECT_NEAR(clip_factor(1, 4), 0.25, 1e-6);
  EXPECT_LT(clip_factor(1, 4) * 4, 1);
}

TEST(Adafactor, KeepsARowAndAColumnOfAMatrixAndAllOfAVector) {
  const auto of_matrix = initial_state(OptimizerKind::adafactor, at::zeros({30, 40}));
  EXPECT_EQ(of_matrix.at("row").numel() + of_matrix.at("column").numel(), 70);
  const auto of_vector = initial_state(OptimizerKind::adafactor, at::zeros({30}));
  EXPECT_EQ(of_vector.at("v").numel(), 30);
}

TEST(Adafactor, LeavesWeightsWithoutGradientAlone) {
  for (const auto kind : {OptimizerKind::adafactor, OptimizerKind::adamw}) {
    for (const at::Tensor& weights : {at::ones({2, 3}), at::ones({3})}) {
      OptimizerState state = initial_state(kind, weights);
      update(kind, weights, state, {at::zeros_like(weights), 1, 0.1, 0});
      EXPECT_TRUE(at::equal(weights, at::ones_like(weights)));
    }
  }
}

}  // namespace
}  // namespace westofn::training
