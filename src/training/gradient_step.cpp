// SPDX-License-Identifier: Apache-2.0
#include "training/gradient_step.h"

#include <ATen/ops/linalg_vector_norm.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>

#include "comm/agree.h"
#include "cpu/kernels.h"
#include "util/fault.h"

namespace westofn::training {
namespace {

/// The sum of the squares, in float64.
double sum_squares(const at::Tensor& values) {
  if (values.is_cpu() && values.scalar_type() == at::kFloat && values.is_contiguous()) {
    return cpu::best_kernels().sum_squares(values.const_data_ptr<float>(), values.numel());
  }
  const double norm = at::linalg_vector_norm(values, 2, at::nullopt, false, at::kDouble).item<double>();
  return norm * norm;
}

/// Where a test can damage the weights of one rank.
void show_weight(const at::Tensor& weight) {
  if (!weight.is_cpu()) return;
  fault_point("train.weights", {static_cast<std::byte*>(weight.mutable_data_ptr()), weight.nbytes()});
}

}  // namespace

std::int64_t StepBatch::parts() const {
  return (static_cast<std::int64_t>(examples.size()) + micro_batch - 1) / micro_batch;
}

std::span<const std::int64_t> StepBatch::part(std::int64_t number) const {
  const auto begin = static_cast<std::size_t>(number * micro_batch);
  return std::span(examples).subspan(begin, std::min(static_cast<std::size_t>(micro_batch), examples.size() - begin));
}

bool StepGradient::is_finite() const { return std::isfinite(loss) && std::isfinite(norm); }

GradientStep::GradientStep(Parts parts, std::uint64_t seed)
    : parts_(parts), seed_(seed), sum_(parts.group, parts.weights, parts.owners) {}

StepGradient GradientStep::compute(const StepBatch& batch, Wishes mine) {
  comm::agree(parts_.stage.job().world, [&] { fault_point("train.step"); });
  show_weight(parts_.weights.front().value);
  std::vector<double> losses(static_cast<std::size_t>(batch.parts()));
  const int size = parts_.group.size();
  sum_.begin_step();
  for (std::int64_t first = 0; first < batch.parts(); first += size) {
    const auto contributors = static_cast<int>(std::min<std::int64_t>(size, batch.parts() - first));
    sum_.begin_round(contributors);
    if (parts_.group.rank() < contributors) {
      const std::int64_t number = first + parts_.group.rank();
      losses[static_cast<std::size_t>(number)] = run_part(
          batch, number,
          [&](const at::Tensor& weight, const at::Tensor& gradient) { sum_.take(index_of(weight), gradient); });
    }
    sum_.end_round();
  }
  StepGradient result;
  result.wishes = mine;
  result.sums = sum_.finish();
  result.factor = 1 / batch.weight;
  exchange_losses(losses, batch, result);
  measure_norm(result);
  if (!result.is_finite() && result.broken_part < 0) find_broken_part(batch, result);
  return result;
}

std::size_t GradientStep::index_of(const at::Tensor& weight) const {
  // Gradients come in the order of the weights; looking for the next one first would save nothing worth having.
  for (std::size_t i = 0; i < parts_.weights.size(); ++i) {
    if (parts_.weights[i].value.is_same(weight)) return i;
  }
  WESTOFN_CHECK(false, "a gradient is of a weight that is trained");
  return 0;
}

double GradientStep::run_part(const StepBatch& batch, std::int64_t number, const gradient::GradientSink& sink) {
  parts_.stage.beat();
  const RandomSequence random(Philox("train", seed_, static_cast<std::uint64_t>(batch.step), std::to_string(number)));
  double loss = parts_.task.differentiate(batch.part(number), random, sink);
  fault_point("train.loss", std::as_writable_bytes(std::span(&loss, 1)));
  return loss;
}

void GradientStep::exchange_losses(std::vector<double>& losses, const StepBatch& batch, StepGradient& result) {
  comm::Communicator& world = parts_.stage.job().world;
  // Every slot is filled by one rank, so that the losses are added in their order, not in that of the ranks.
  losses.push_back(result.wishes.stop ? 1 : 0);
  losses.push_back(result.wishes.checkpoint ? 1 : 0);
  world.all_reduce(losses, comm::ReduceOp::sum);
  const auto count = static_cast<std::size_t>(batch.parts());
  result.wishes = {losses[count] > 0, losses[count + 1] > 0};
  for (std::size_t i = 0; i < count; ++i) {
    result.loss += losses[i];
    if (!std::isfinite(losses[i]) && result.broken_part < 0) result.broken_part = static_cast<std::int64_t>(i);
  }
  result.loss /= batch.weight;
}

void GradientStep::measure_norm(StepGradient& result) {
  std::vector<double> squares(result.sums.size());
  for (std::size_t i = 0; i < squares.size(); ++i) {
    if (result.sums[i].defined()) squares[i] = sum_squares(result.sums[i]);
  }
  parts_.stage.job().world.all_reduce(squares, comm::ReduceOp::sum);
  double total = 0;
  for (const double square : squares) total += square;
  result.norm = std::sqrt(total) * result.factor;
}

void GradientStep::find_broken_part(const StepBatch& batch, StepGradient& result) {
  // Rare, and worth a second look: every rank computes its micro-batches again and looks at each gradient.
  std::int64_t broken = batch.parts();
  for (std::int64_t number = parts_.group.rank(); number < batch.parts(); number += parts_.group.size()) {
    const double loss = run_part(batch, number, [&](const at::Tensor& /*weight*/, const at::Tensor& gradient) {
      if (gradient.defined() && !std::isfinite(sum_squares(gradient))) broken = std::min(broken, number);
    });
    if (!std::isfinite(loss)) broken = std::min(broken, number);
  }
  broken = parts_.stage.job().world.all_reduce(broken, comm::ReduceOp::min);
  if (broken < batch.parts()) result.broken_part = broken;
}

}  // namespace westofn::training
