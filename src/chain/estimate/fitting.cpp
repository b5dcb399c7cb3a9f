// SPDX-License-Identifier: Apache-2.0
#include "chain/estimate/fitting.h"

#include <algorithm>

namespace westofn::chain {
namespace {

/// The largest number from 1 to `most` with which `fits` is true, if it is so for all smaller ones; 0 if there is none.
template <class Fits>
std::int64_t largest(std::int64_t most, const Fits& fits) {
  std::int64_t low = 0;
  std::int64_t high = most + 1;
  while (high - low > 1) {
    const std::int64_t middle = low + (high - low) / 2;
    (fits(middle) ? low : high) = middle;
  }
  return low;
}

constexpr std::int64_t many = 1 << 24;

}  // namespace

std::int64_t most_prompts(const model::T5Config& config, const model::RuntimeSettings& runtime, std::int64_t n,
                          const BatchShape& longest, double memory_bytes) {
  return largest(many, [&](std::int64_t prompts) {
    const WritingBatch batch{static_cast<double>(prompts), static_cast<double>(prompts * n), longest.source,
                             longest.target};
    return writing_memory(config, runtime, batch).peak <= memory_bytes;
  });
}

std::int64_t most_inputs(const model::T5Config& config, const model::RuntimeSettings& runtime, double source,
                         double memory_bytes) {
  return largest(many, [&](std::int64_t rows) {
    return scoring_memory(config, runtime, {static_cast<double>(rows), source, 1}).peak <= memory_bytes;
  });
}

std::int64_t most_examples(const model::T5Config& config, const TrainingCase& what, const BatchShape& example,
                           double memory_bytes) {
  // Larger micro-batches have more activations and fewer gradients at once: all sizes are tried.
  constexpr std::int64_t tried = 1024;
  model::RuntimeSettings runtime = what.runtime;
  for (runtime.micro_batch = std::min(what.train.batch, tried); runtime.micro_batch > 0; --runtime.micro_batch) {
    BatchShape rows = example;
    rows.rows *= static_cast<double>(runtime.micro_batch);
    const TrainingCase other{what.train, runtime, what.ranks, rows, what.logits};
    if (training_memory(config, other).peak <= memory_bytes) return runtime.micro_batch;
  }
  return 0;
}

}  // namespace westofn::chain
