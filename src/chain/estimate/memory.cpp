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

double largest_weight(const T5Config& c) {
  std::int64_t largest = 0;
  for (const auto& shape : weight_shapes(c)) largest = std::max(largest, shape.elements());
  return real(largest);
}

/// float32: the input, its normalised form and the result; bfloat16: the input in float32, the other two in bfloat16.
double kept_of_norm(const T5Config& c, ComputeType type) {
  return (type == ComputeType::float32 ? 12 : 8) * real(c.d_model);
}

double kept_of_feed_forward(const T5Config& c, ComputeType type) {
  const double tensors = c.feed_forward == model::FeedForward::gated_gelu ? 4 : 1;
  return tensors * number_bytes(type) * real(c.d_ff);
}

/// The softmax keeps its result in float32, the product that follows one in bfloat16.
double kept_of_probabilities(const T5Config& c, ComputeType type, double keys) {
  return (type == ComputeType::float32 ? 4 : 6) * real(c.num_heads) * keys;
}

/// Scores, their sum with the bias, and probabilities in float32: of the layer in work.
double work_of_attention(const T5Config& c, double keys) { return 3 * float_bytes * real(c.num_heads) * keys; }

double bias_bytes(const T5Config& c, const BatchShape& batch) {
  return float_bytes * batch.rows * real(c.num_heads) * batch.source * batch.source;
}

/// What a backward pass needs for the layer in work, beside what is kept: the gradients of scores and bias, or of all
/// logits.
double backward_work(const T5Config& c, const BatchShape& batch, Logits logits) {
  const double tokens = batch.rows * batch.source;
  const double attention = tokens * work_of_attention(c, batch.source) + bias_bytes(c, batch);
  const double of_logits = logits == Logits::computed ? 8 * batch.rows * batch.target * real(c.vocab_size) : 0;
  return std::max(attention, of_logits);
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

double kept_activations(const T5Config& c, ComputeType type, const BatchShape& batch, Logits logits) {
  const double b = number_bytes(type);
  const double inner = real(c.inner());
  const auto attention = [&](double keys) { return 4 * b * inner + kept_of_probabilities(c, type, keys); };
  const double norm = kept_of_norm(c, type);
  const double feed_forward = kept_of_feed_forward(c, type);
  const double of_source = real(c.num_layers) * (2 * norm + attention(batch.source) + feed_forward) + norm +
                           real(c.num_decoder_layers) * 2 * b * inner;
  const double cross = 2 * b * inner + kept_of_probabilities(c, type, batch.source);
  const double of_target = real(c.num_decoder_layers) * (3 * norm + attention(batch.target) + cross + feed_forward) +
                           norm + (logits == Logits::computed ? float_bytes * real(c.vocab_size) : 0);
  return batch.rows * (batch.source * of_source + batch.target * of_target);
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
  // A bucket, those of the other ranks that arrive with it, and the largest gradient, which is summed in float32.
  const double contributors = real(std::min<std::int64_t>(what.ranks, parts.all));
  memory.gradients = std::min(contributors * bucket_bytes, b * count) + (b + float_bytes) * largest_weight(c);
  memory.sums = float_bytes * share.elements;
  memory.activations = kept_activations(c, what.runtime.dtype, what.micro_batch, what.logits) +
                       backward_work(c, what.micro_batch, what.logits);
  const double working = memory.gradients + memory.activations;
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
