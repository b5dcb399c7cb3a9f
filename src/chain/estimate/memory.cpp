// SPDX-License-Identifier: Apache-2.0
#include "chain/estimate/memory.h"

#include <algorithm>
#include <vector>

#include "app/stage.h"

namespace westofn::chain {
namespace {

using model::ComputeType;
using model::T5Config;

constexpr double float_bytes = 4;
constexpr double bucket_bytes = 32 << 20;

double real(std::int64_t number) { return static_cast<double>(number); }

/// Scores, their sum with the bias, and probabilities in float32: of the layer in work.
double work_of_attention(const T5Config& c, double keys) { return 3 * float_bytes * real(c.num_heads) * keys; }

/// A portion of validation: as many rows as the limits allow, pairs whole.
BatchShape validation_batch(const model::RuntimeSettings& runtime, const BatchShape& longest, Logits logits) {
  BatchShape batch = scoring_batch(runtime, longest.source);
  if (logits == Logits::left_out) batch.rows = std::max(2.0, batch.rows);
  batch.target = longest.target;
  return batch;
}

double bias_bytes(const T5Config& c, const BatchShape& batch) {
  return float_bytes * batch.rows * real(c.num_heads) * batch.source * batch.source;
}

}  // namespace

double number_bytes(ComputeType type) { return type == ComputeType::bfloat16 ? 2 : 4; }

bool is_on_gpu(const model::RuntimeSettings& runtime) { return runtime.device != model::DeviceChoice::cpu; }

OwnedShare largest_share(const T5Config& c, training::OptimizerKind optimizer, int ranks) {
  const std::vector<WeightShape> shapes = weight_shapes(c);
  std::vector<double> costs;
  costs.reserve(shapes.size());
  for (const auto& shape : shapes) costs.push_back(real(shape.elements()));
  const std::vector<int> owners = app::deal_shards(costs, ranks);
  std::vector<OwnedShare> shares(static_cast<std::size_t>(ranks));
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const WeightShape& shape = shapes[i];
    const double factors = real(shape.rows > 1 ? shape.rows + shape.columns : shape.columns);
    OwnedShare& share = shares[static_cast<std::size_t>(owners[i])];
    share.elements += costs[i];
    share.optimizer_elements += optimizer == training::OptimizerKind::adamw ? 2 * costs[i] : factors;
  }
  return *std::ranges::max_element(shares, {}, [](const OwnedShare& s) { return s.elements + s.optimizer_elements; });
}

StepParts step_parts(std::int64_t batch, std::int64_t micro_batch, int ranks) {
  const std::int64_t all = (batch + micro_batch - 1) / micro_batch;
  return {all, (all + ranks - 1) / ranks};
}

double passing_activations(const T5Config& c, ComputeType type, const BatchShape& batch) {
  const double b = number_bytes(type);
  const double attention = 4 * b * real(c.inner()) + work_of_attention(c, batch.source);
  const double layer = 3 * b * real(c.d_model) + std::max(attention, 3 * b * real(c.d_ff));
  return batch.rows * batch.source * layer + bias_bytes(c, batch);
}

PhaseMemory training_memory(const T5Config& c, const TrainingCase& what) {
  const auto count = real(count_weights(c).total());
  const double b = number_bytes(what.runtime.dtype);
  const OwnedShare share = largest_share(c, what.train.optimizer, what.ranks);
  const StepParts parts = step_parts(what.train.batch, what.runtime.micro_batch, what.ranks);
  const bool on_gpu = is_on_gpu(what.runtime);
  PhaseMemory memory;
  const bool is_narrow = what.runtime.dtype == ComputeType::bfloat16;
  memory.weights = b * count;
  memory.masters = is_narrow ? float_bytes * share.elements : 0;  // float32 weights are their own masters
  memory.optimizer = float_bytes * share.optimizer_elements;
  const PassShape pass = pass_shape(what.runtime, what.train.dropout, what.logits);
  const PassMemory training = training_pass(c, pass, what.micro_batch);
  const double validation = validation_pass(c, pass, validation_batch(what.runtime, what.micro_batch, what.logits));
  const double contributors = real(std::min<std::int64_t>(what.ranks, parts.all));
  memory.gradients = std::min(contributors * bucket_bytes, b * count) + training.gradients;
  memory.sums = float_bytes * share.elements;
  memory.activations = training.kept + training.work;
  const double working = std::max(memory.gradients + memory.activations, validation);
  memory.peak = memory.weights + memory.masters + memory.optimizer + memory.sums + working;
  const double best = float_bytes * share.elements;
  const double all_best = float_bytes * count;
  if (on_gpu) {
    memory.host = best + std::max(all_best, memory.masters + memory.optimizer);
  } else {
    // At the end the activations are gone and all of the best weights come.
    memory.peak += best + std::max(0.0, all_best - working);
  }
  return memory;
}

BatchShape scoring_batch(const model::RuntimeSettings& runtime, double source) {
  const double by_tokens = std::max(1.0, static_cast<double>(static_cast<std::int64_t>(
                                             static_cast<double>(runtime.batch_tokens) / std::max(source, 1.0))));
  return {std::min(static_cast<double>(runtime.batch_rows), by_tokens), source, 1};
}

PhaseMemory scoring_memory(const T5Config& c, const model::RuntimeSettings& runtime, const BatchShape& batch) {
  const double b = number_bytes(runtime.dtype);
  PhaseMemory memory;
  memory.weights = b * real(count_weights(c).total());
  memory.activations = passing_activations(c, runtime.dtype, batch) +
                       batch.rows * batch.source * 2 * b * real(c.inner());  // keys and values of one layer
  memory.logits = float_bytes * batch.rows * real(c.vocab_size);
  memory.peak = memory.weights + memory.activations + memory.logits;
  return memory;
}

WritingBatch writing_batch(std::int64_t batch_rows, std::int64_t n, double source, double target) {
  const std::int64_t prompts = std::max<std::int64_t>(1, batch_rows / n);
  return {real(prompts), real(prompts * std::min(n, batch_rows)), source, target};
}

double cross_cache_bytes(const T5Config& c, const model::RuntimeSettings& runtime) {
  return real(cache_elements(c)) * (is_on_gpu(runtime) ? number_bytes(runtime.dtype) : float_bytes);
}

double self_cache_bytes(const T5Config& c, const model::RuntimeSettings& runtime) {
  return real(cache_elements(c)) * number_bytes(runtime.dtype);
}

PhaseMemory writing_memory(const T5Config& c, const model::RuntimeSettings& runtime, const WritingBatch& batch) {
  const double b = number_bytes(runtime.dtype);
  PhaseMemory memory;
  memory.weights = b * real(count_weights(c).total());
  memory.cross_cache = batch.prompts * batch.source * cross_cache_bytes(c, runtime);
  memory.self_cache = batch.rows * batch.target * self_cache_bytes(c, runtime);
  memory.logits = float_bytes * batch.rows * real(c.vocab_size);
  const double reading = passing_activations(c, runtime.dtype, {batch.prompts, batch.source, 1});
  const double step =
      batch.rows * (3 * b * real(c.d_model) +
                    std::max(4 * b * real(c.inner()) + work_of_attention(c, std::max(batch.source, batch.target)),
                             3 * b * real(c.d_ff)));
  const double writing = memory.self_cache + memory.logits + step;
  memory.activations = std::max(reading, step);
  memory.peak = memory.weights + memory.cross_cache + std::max(reading, writing);
  return memory;
}

}  // namespace westofn::chain
