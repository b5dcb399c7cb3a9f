// SPDX-License-Identifier: Apache-2.0
#include "model/batch.h"

#include <ATen/core/Tensor.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <numeric>

namespace westofn::model {
namespace {

using ::testing::ElementsAre;

std::vector<std::int64_t> numbers(const at::Tensor& tensor) {
  const auto* first = tensor.const_data_ptr<std::int64_t>();
  return {first, first + tensor.numel()};
}

TEST(Batch, PadsToTheLongestRow) {
  const std::vector<tokenizer::Tokens> rows = {{7, 1}, {5, 6, 8, 1}, {1}};
  const TokenBatch batch = make_batch(rows, at::kCPU);
  EXPECT_THAT(batch.ids_BS.sizes().vec(), ElementsAre(3, 4));
  EXPECT_THAT(numbers(batch.ids_BS), ElementsAre(7, 1, 0, 0, 5, 6, 8, 1, 1, 0, 0, 0));
  EXPECT_THAT(numbers(batch.lengths_B), ElementsAre(2, 4, 1));
}

TEST(Batch, PlansShortestFirstAndEqualLengthsInOrder) {
  const std::vector<std::int64_t> lengths = {9, 2, 4, 2, 9, 3};
  EXPECT_THAT(plan_batches(lengths, {2, 100}), ElementsAre(ElementsAre(1, 3), ElementsAre(5, 2), ElementsAre(0, 4)));
}

TEST(Batch, CountsPaddingAsTokensAndLetsOneLongRowPass) {
  const std::vector<std::int64_t> lengths = {1, 1, 4, 4, 5, 50};
  // Rows 0, 1 and 2 together would be 3 rows of 4 tokens.
  EXPECT_THAT(plan_batches(lengths, {64, 10}),
              ElementsAre(ElementsAre(0, 1), ElementsAre(2, 3), ElementsAre(4), ElementsAre(5)));
}

TEST(Batch, PlansEveryRowOnce) {
  std::vector<std::int64_t> lengths;
  for (std::int64_t i = 0; i < 500; ++i) lengths.push_back(1 + i * 7919 % 97);
  std::vector<std::size_t> seen;
  for (const auto& batch : plan_batches(lengths, {16, 800})) {
    EXPECT_LE(batch.size(), 16U);
    EXPECT_LE(static_cast<std::int64_t>(batch.size()) * lengths[batch.back()], 800);
    seen.insert(seen.end(), batch.begin(), batch.end());
  }
  std::sort(seen.begin(), seen.end());
  std::vector<std::size_t> all(lengths.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  EXPECT_EQ(seen, all);
  EXPECT_TRUE(plan_batches({}, {16, 800}).empty());
}

}  // namespace
}  // namespace westofn::model
