// SPDX-License-Identifier: Apache-2.0
#include "training/optimizer.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/sqrt.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>

#include "cpu/kernels.h"

namespace westofn::training {
namespace {

constexpr std::int64_t numbers_of_thread = std::int64_t{1} << 16;

/// torch.optim.AdamW.
void adamw(const at::Tensor& weights, OptimizerState& state, const Update& u) {
  const auto [beta1, beta2, eps] = u.adam;
  const at::Tensor& m = state.at("m");
  const at::Tensor& v = state.at("v");
  const double correction1 = 1 - std::pow(beta1, static_cast<double>(u.number));
  const double correction2 = std::sqrt(1 - std::pow(beta2, static_cast<double>(u.number)));
  const double rate = u.learning_rate / correction1;
  const double keep = 1 - u.learning_rate * u.weight_decay;
  const bool plain = weights.is_cpu() && weights.scalar_type() == at::kFloat && weights.is_contiguous();
  if (plain) {
    // One pass over the memory instead of ten.
    at::parallel_for(0, weights.numel(), numbers_of_thread, [&](std::int64_t begin, std::int64_t end) {
      const auto place = [&](const at::Tensor& tensor) { return tensor.mutable_data_ptr<float>() + begin; };
      cpu::best_kernels().adamw({place(weights), u.gradient.const_data_ptr<float>() + begin, place(m), place(v),
                                 end - begin, static_cast<float>(u.gradient_factor), static_cast<float>(1 - beta1),
                                 static_cast<float>(beta2), static_cast<float>(1 - beta2), static_cast<float>(eps),
                                 static_cast<float>(rate), static_cast<float>(keep),
                                 static_cast<float>(1 / correction2)});
    });
    return;
  }
  const at::Tensor gradient = u.gradient * u.gradient_factor;
  m.lerp_(gradient, 1 - beta1);
  v.mul_(beta2).addcmul_(gradient, gradient, 1 - beta2);
  weights.mul_(keep);
  weights.addcdiv_(m, at::sqrt(v).div_(correction2).add_(eps), -rate);
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

/// Adafactor as transformers has it, with scale_parameter and without relative_step and first moment.
void adafactor(const at::Tensor& weights, OptimizerState& state, const Update& u) {
  constexpr double smallest_scale = 1e-3;
  constexpr double clip_threshold = 1.0;
  constexpr double decay_rate = -0.8;
  const double scale = std::max(smallest_scale, root_mean_square(weights));
  const double decay = 1 - std::pow(static_cast<double>(u.number), decay_rate);
  const at::Tensor change = normalised(u.gradient * u.gradient_factor, state, decay);
  const double clip = std::max(1.0, root_mean_square(change) / clip_threshold);
  if (u.weight_decay > 0) weights.mul_(1 - u.learning_rate * scale * u.weight_decay);
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

bool decays(std::string_view name) {
  return name.find("norm") == std::string_view::npos && name.find("bias") == std::string_view::npos;
}

double clip_factor(double limit, double norm) { return limit > 0 ? std::min(1.0, limit / (norm + 1e-6)) : 1; }

void update(OptimizerKind kind, const at::Tensor& weights, OptimizerState& state, const Update& update) {
  const at::NoGradGuard no_grad;
  if (kind == OptimizerKind::adamw) {
    adamw(weights, state, update);
  } else {
    adafactor(weights, state, update);
  }
}

}  // namespace westofn::training
