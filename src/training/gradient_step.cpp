// SPDX-License-Identifier: Apache-2.0
#include "training/gradient_step.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "comm/agree.h"
#include "training/exact_sum.h"
#include "util/fault.h"

namespace westofn::training {

std::int64_t StepBatch::parts() const {
  return (static_cast<std::int64_t>(examples.size()) + micro_batch - 1) / micro_batch;
}

std::span<const std::int64_t> StepBatch::part(std::int64_t number) const {
  const auto begin = static_cast<std::size_t>(number * micro_batch);
  return std::span(examples).subspan(begin, std::min(static_cast<std::size_t>(micro_batch), examples.size() - begin));
}

bool StepGradient::is_finite() const { return broken_part < 0 && std::isfinite(norm); }

/// What this rank computes before it is summed.
struct GradientStep::Local {
  std::vector<double> losses;                      ///< one a micro-batch; 0 where another rank computes it
  std::vector<std::vector<at::Tensor>> gradients;  ///< own micro-batches by parameters; undefined: none
  std::vector<double> maxima;                      ///< of the gradients, one a parameter
  std::int64_t broken_part = std::numeric_limits<std::int64_t>::max();
};

StepGradient GradientStep::compute(const StepBatch& batch, Wishes mine) {
  Local local;
  local.losses.resize(static_cast<std::size_t>(batch.parts()));
  local.maxima.resize(parts_.parameters.size());
  const int size = parts_.group.size();
  comm::agree(parts_.stage.job().world, [&] {
    fault_point("train.step");
    for (std::int64_t number = parts_.group.rank(); number < batch.parts(); number += size) {
      parts_.stage.beat();
      run_part(batch, number, local);
    }
  });
  StepGradient result;
  result.wishes = mine;
  exchange_maxima(batch, local, result);
  if (result.broken_part >= 0) {
    result.loss = result.norm = std::numeric_limits<double>::quiet_NaN();
    return result;
  }
  sum(batch, local, result);
  measure_norm(result);
  return result;
}

void GradientStep::run_part(const StepBatch& batch, std::int64_t number, Local& local) {
  const RandomSequence random(Philox("train", seed_, static_cast<std::uint64_t>(batch.step), std::to_string(number)));
  const at::AutoGradMode with_gradients(true);
  const at::Tensor loss = parts_.task.loss(batch.part(number), random);
  loss.backward();
  const double value = loss.item<double>();
  local.losses[static_cast<std::size_t>(number)] = value;
  bool finite = std::isfinite(value);
  auto& gradients = local.gradients.emplace_back();
  for (std::size_t i = 0; i < parts_.parameters.size(); ++i) {
    at::Tensor& slot = parts_.parameters[i].value.mutable_grad();
    at::Tensor gradient = slot;
    slot = at::Tensor();
    if (gradient.defined()) {
      const double largest = largest_magnitude(gradient);
      finite = finite && std::isfinite(largest);
      if (std::isfinite(largest)) local.maxima[i] = std::max(local.maxima[i], largest);
    }
    gradients.push_back(std::move(gradient));
  }
  if (!finite) local.broken_part = std::min(local.broken_part, number);
}

void GradientStep::exchange_maxima(const StepBatch& batch, Local& local, StepGradient& result) {
  comm::Communicator& world = parts_.stage.job().world;
  // One message: the maxima, the wishes, and the first broken micro-batch as the largest distance to the end.
  std::vector<double> values = local.maxima;
  const auto distance = static_cast<double>(std::max<std::int64_t>(batch.parts() - local.broken_part, 0));
  values.insert(values.end(), {result.wishes.stop ? 1.0 : 0.0, result.wishes.checkpoint ? 1.0 : 0.0, distance});
  world.all_reduce(values, comm::ReduceOp::max);
  const auto common = std::span(values).last(3);
  result.wishes = {common[0] > 0, common[1] > 0};
  if (common[2] > 0) result.broken_part = batch.parts() - static_cast<std::int64_t>(common[2]);
  std::copy_n(values.begin(), local.maxima.size(), local.maxima.begin());
  // Every slot is filled by one rank, so that the losses are added in their order, not in that of the ranks.
  world.all_reduce(local.losses, comm::ReduceOp::sum);
  for (const double loss : local.losses) result.loss += loss;
  result.loss /= batch.weight;
}

void GradientStep::sum(const StepBatch& batch, Local& local, StepGradient& result) {
  const std::size_t count = parts_.parameters.size();
  std::vector<comm::OwnedTensor> sums;
  for (std::size_t i = 0; i < count; ++i) {
    const int exponent = exact_exponent(local.maxima[i], batch.parts());
    const at::Tensor& weights = parts_.parameters[i].value;
    at::Tensor total = at::zeros(weights.sizes(), at::TensorOptions().dtype(at::kLong).device(weights.device()));
    for (auto& gradients : local.gradients) {
      if (gradients[i].defined()) total.add_(to_integers(gradients[i], exponent));
      gradients[i].reset();
    }
    sums.push_back({std::move(total), parts_.owners[i]});
  }
  parts_.group.reduce_to_owners(sums);
  parts_.group.wait();
  result.owned.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    if (parts_.owners[i] != parts_.group.rank()) continue;
    const int exponent = exact_exponent(local.maxima[i], batch.parts());
    result.owned[i] = from_integers(sums[i].tensor, exponent, batch.weight);
  }
}

void GradientStep::measure_norm(StepGradient& result) {
  std::vector<double> squares(result.owned.size());
  for (std::size_t i = 0; i < squares.size(); ++i) {
    if (result.owned[i].defined()) squares[i] = at::sum(result.owned[i].to(at::kDouble).square_()).item<double>();
  }
  parts_.stage.job().world.all_reduce(squares, comm::ReduceOp::sum);
  double total = 0;
  for (const double square : squares) total += square;
  result.norm = std::sqrt(total);
}

}  // namespace westofn::training
