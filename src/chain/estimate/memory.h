// SPDX-License-Identifier: Apache-2.0
// Bytes that one rank holds in each kind of phase. Pure functions: every formula of the report's memory table is here.
//
// P = weights, b = bytes of a number in `runtime.dtype`, R = ranks, H = heads, B = rows; d, f, I, L, V, S, T as in
// shape_counts.h. All of it counts tensors; what the allocator, CUDA and MPI need for themselves comes on top.
#pragma once

#include <cstdint>

#include "chain/estimate/pass_memory.h"
#include "chain/estimate/shape_counts.h"
#include "model/runtime.h"
#include "training/settings.h"

namespace westofn::chain {

/// What one rank holds, bytes.
struct PhaseMemory {
  double weights = 0;      ///< b P, on every rank
  double masters = 0;      ///< bfloat16: 4 P / R, whole tensors of their owner; float32: 0
  double optimizer = 0;    ///< AdamW 8 P / R; Adafactor 4 (rows + columns) of each matrix
  double gradients = 0;    ///< on their way to their owners: a bucket of every rank, and what a pass has just made
  double sums = 0;         ///< 4 P / R: float32, whole tensors of their owner
  double activations = 0;  ///< kept for the backward pass; without one: of the layer in work
  double cross_cache = 0;  ///< keys and values of the sources
  double self_cache = 0;   ///< keys and values of what is written
  double logits = 0;       ///< float32
  double peak = 0;         ///< of the device: not everything is there at once
  double host = 0;         ///< of the machine, besides, where the device is a GPU
};

[[nodiscard]] double number_bytes(model::ComputeType type);

/// Whether the weights are in the memory of the machine or of a GPU. `auto` counts as a GPU.
[[nodiscard]] bool is_on_gpu(const model::RuntimeSettings& runtime);

/// What the owner of the largest share of the masters has; shares as the trainer deals them.
struct OwnedShare {
  double elements = 0;
  double optimizer_elements = 0;
};
[[nodiscard]] OwnedShare largest_share(const model::T5Config& config, training::OptimizerKind optimizer, int ranks);

/// Micro-batches of a step, and those of the rank with the most.
struct StepParts {
  std::int64_t all = 1;
  std::int64_t of_rank = 1;
};
[[nodiscard]] StepParts step_parts(std::int64_t batch, std::int64_t micro_batch, int ranks);

/// The layer in work of a pass without gradients, and the bias of the attention [B, H, S, S]:
/// B S (3 b d + max(4 b I + 12 H S, 3 b f)) + 4 B H S^2.
[[nodiscard]] double passing_activations(const model::T5Config& config, model::ComputeType type,
                                         const BatchShape& batch);

/// What a training phase is asked for.
struct TrainingCase {
  const training::TrainSettings& train;
  const model::RuntimeSettings& runtime;
  int ranks = 1;
  BatchShape micro_batch;  ///< inputs, not examples; the longest ones
  Logits logits = Logits::left_out;
};
/// Peak = weights + masters + optimizer + sums + the larger of two moments: gradients with the activations of a pass,
/// or a validation. On a GPU the best weights so far (4 P / R) are in the memory of the machine, at the end all of them
/// (4 P) on every rank; on a CPU they count for the peak.
[[nodiscard]] PhaseMemory training_memory(const model::T5Config& config, const TrainingCase& what);

/// Rows that are scored at once: what `batch_rows` and `batch_tokens` allow of this length.
[[nodiscard]] BatchShape scoring_batch(const model::RuntimeSettings& runtime, double source);
[[nodiscard]] PhaseMemory scoring_memory(const model::T5Config& config, const model::RuntimeSettings& runtime,
                                         const BatchShape& batch);

/// Responses that are written at once.
struct WritingBatch {
  double prompts = 1;
  double rows = 1;
  double source = 0;
  double target = 0;
};
/// Rows as `batch_rows` says, whole prompts where they fit.
[[nodiscard]] WritingBatch writing_batch(std::int64_t batch_rows, std::int64_t n, double source, double target);

/// Bytes of keys and values: of a source token (GPU: b, CPU: float32), of a token that is written (b).
[[nodiscard]] double cross_cache_bytes(const model::T5Config& config, const model::RuntimeSettings& runtime);
[[nodiscard]] double self_cache_bytes(const model::T5Config& config, const model::RuntimeSettings& runtime);

/// Peak = weights + cross cache + the larger of two moments: reading the prompts, or writing (self cache, logits and
/// the layer in work).
[[nodiscard]] PhaseMemory writing_memory(const model::T5Config& config, const model::RuntimeSettings& runtime,
                                         const WritingBatch& batch);

}  // namespace westofn::chain
