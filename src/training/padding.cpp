// SPDX-License-Identifier: Apache-2.0
#include "training/padding.h"

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace westofn::training {

TokenCount count_tokens(const gradient::Operations& operations, std::span<const tokenizer::Tokens* const> rows) {
  TokenCount count;
  std::vector<std::int64_t> lengths;
  for (const tokenizer::Tokens* row : rows) {
    lengths.push_back(static_cast<std::int64_t>(row->size()));
    count.tokens += lengths.back();
  }
  count.computed = operations.lay_out(std::move(lengths)).rows;
  return count;
}

TokenCount count_batch_tokens(const Task& task, std::span<const std::int64_t> batch, std::int64_t micro_batch) {
  TokenCount total;
  const auto part = static_cast<std::size_t>(micro_batch);
  for (std::size_t begin = 0; begin < batch.size(); begin += part) {
    const TokenCount count = task.tokens(batch.subspan(begin, std::min(part, batch.size() - begin)));
    total.tokens += count.tokens;
    total.computed += count.computed;
  }
  return total;
}

TokenCount count_training_tokens(const Task& task, std::int64_t steps, std::int64_t micro_batch) {
  TokenCount total;
  for (std::int64_t step = 0; step < steps; ++step) {
    const TokenCount count = count_batch_tokens(task, task.batch(step), micro_batch);
    total.tokens += count.tokens;
    total.computed += count.computed;
  }
  return total;
}

double padding_share(const TokenCount& count) {
  return count.computed > 0 ? 1 - static_cast<double>(count.tokens) / static_cast<double>(count.computed) : 0;
}

}  // namespace westofn::training
