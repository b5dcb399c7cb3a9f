// SPDX-License-Identifier: Apache-2.0
#include "model/batch.h"

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <numeric>

#include "util/error.h"

namespace westofn::model {

TokenBatch make_batch(std::span<const tokenizer::Tokens> rows, at::Device device) {
  WESTOFN_CHECK(!rows.empty(), "a batch has rows");
  std::size_t longest = 0;
  for (const auto& row : rows) {
    WESTOFN_CHECK(!row.empty(), "every row of a batch has tokens");
    longest = std::max(longest, row.size());
  }
  const auto count = static_cast<std::int64_t>(rows.size());
  TokenBatch batch{at::zeros({count, static_cast<std::int64_t>(longest)}, at::kLong), at::zeros({count}, at::kLong)};
  auto* ids = batch.ids_BS.mutable_data_ptr<std::int64_t>();
  auto* lengths = batch.lengths_B.mutable_data_ptr<std::int64_t>();
  for (const auto& row : rows) {
    std::copy(row.begin(), row.end(), ids);
    ids += longest;
    *lengths++ = static_cast<std::int64_t>(row.size());
  }
  return {batch.ids_BS.to(device), batch.lengths_B.to(device)};
}

std::vector<std::vector<std::size_t>> plan_batches(std::span<const std::int64_t> lengths, const BatchLimits& limits) {
  std::vector<std::size_t> order(lengths.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return lengths[a] < lengths[b]; });
  std::vector<std::vector<std::size_t>> batches;
  for (const std::size_t row : order) {
    // Rows come shortest first, so that this one is as long as the batch would be.
    const auto fits = [&](const std::vector<std::size_t>& batch) {
      const auto rows = static_cast<std::int64_t>(batch.size()) + 1;
      return rows <= limits.max_rows && rows * lengths[row] <= limits.max_tokens;
    };
    if (batches.empty() || !fits(batches.back())) batches.emplace_back();
    batches.back().push_back(row);
  }
  return batches;
}

}  // namespace westofn::model
