// SPDX-License-Identifier: Apache-2.0
#include "training/padding.h"

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

namespace westofn::training {

TokenCount count_training_tokens(const Task& task, std::int64_t steps, std::int64_t micro_batch) {
  TokenCount total;
  const auto part = static_cast<std::size_t>(micro_batch);
  for (std::int64_t step = 0; step < steps; ++step) {
    const std::vector<std::int64_t> batch = task.batch(step);
    for (std::size_t begin = 0; begin < batch.size(); begin += part) {
      const TokenCount count = task.tokens(std::span(batch).subspan(begin, std::min(part, batch.size() - begin)));
      total.tokens += count.tokens;
      total.padded += count.padded;
    }
  }
  return total;
}

double padding_share(const TokenCount& count) {
  return count.padded > 0 ? 1 - static_cast<double>(count.tokens) / static_cast<double>(count.padded) : 0;
}

}  // namespace westofn::training
