// SPDX-License-Identifier: Apache-2.0
#include "training/optimizer.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/sqrt.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>

namespace westofn::training {
namespace {

/// torch.optim.AdamW with its default betas and eps.
void adamw(const at::Tensor& weights, OptimizerState& state, const Update& u) {
  constexpr double beta1 = 0.9;
  constexpr double beta2 = 0.999;
  constexpr double eps = 1e-8;
  const at::Tensor& m = state.at("m");
  const at::Tensor& v = state.at("v");
  m.lerp_(u.gradient, 1 - beta1);
  v.mul_(beta2).addcmul_(u.gradient, u.gradient, 1 - beta2);
  const double correction1 = 1 - std::pow(beta1, static_cast<double>(u.number));
  const double correction2 = std::sqrt(1 - std::pow(beta2, static_cast<double>(u.number)));
  weights.mul_(1 - u.learning_rate * u.weight_decay);
  weights.addcdiv_(m, at::sqrt(v).div_(correction2).add_(eps), -u.learning_rate / correction1);
}

double root_mean_square(const at::Tensor& values) {
  return at::linalg_vector_norm(values, 2).item<double>() / std::sqrt(static_cast<double>(values.numel()));
}

/// The gradient divided by the root of its running mean square, which a matrix keeps as one row and one column.
at::Tensor normalised(const at::Tensor& gradient, OptimizerState& state, double decay) {
  constexpr double eps = 1e-30;
  const at::Tensor square = gradient.square().add_(eps);
  const auto average = [&](const at::Tensor& mean, const at::Tensor& now) { mean.mul_(decay).add_(now, 1 - decay); };
  if (gradient.dim() < 2) {
    const at::Tensor& v = state.at("v");
    average(v, square);
    return v.rsqrt().mul_(gradient);
  }
  const at::Tensor& row = state.at("row");
  const at::Tensor& column = state.at("column");
  average(row, square.mean(-1));
  average(column, square.mean(-2));
  const at::Tensor row_factor = row.div(row.mean(-1, true)).rsqrt_().unsqueeze(-1);
  return row_factor.mul(column.unsqueeze(-2).rsqrt()).mul_(gradient);
}

/// Adafactor as transformers has it, with scale_parameter and without relative_step, first moment and weight decay.
void adafactor(const at::Tensor& weights, OptimizerState& state, const Update& u) {
  constexpr double smallest_scale = 1e-3;
  constexpr double clip_threshold = 1.0;
  constexpr double decay_rate = -0.8;
  const double scale = std::max(smallest_scale, root_mean_square(weights));
  const double decay = 1 - std::pow(static_cast<double>(u.number), decay_rate);
  const at::Tensor change = normalised(u.gradient, state, decay);
  const double clip = std::max(1.0, root_mean_square(change) / clip_threshold);
  weights.sub_(change.div_(clip).mul_(u.learning_rate * scale));
}

}  // namespace

OptimizerState initial_state(OptimizerKind kind, const at::Tensor& weights) {
  if (kind == OptimizerKind::adamw) return {{"m", at::zeros_like(weights)}, {"v", at::zeros_like(weights)}};
  if (weights.dim() < 2) return {{"v", at::zeros_like(weights)}};
  std::vector<std::int64_t> rows = weights.sizes().vec();
  std::vector<std::int64_t> columns = rows;
  rows.pop_back();
  columns.erase(columns.end() - 2);
  return {{"row", at::zeros(rows, weights.options())}, {"column", at::zeros(columns, weights.options())}};
}

void update(OptimizerKind kind, const at::Tensor& weights, OptimizerState& state, const Update& update) {
  const at::NoGradGuard no_grad;
  if (kind == OptimizerKind::adamw) {
    adamw(weights, state, update);
  } else {
    adafactor(weights, state, update);
  }
}

}  // namespace westofn::training
