// SPDX-License-Identifier: Apache-2.0
#include "model/layers.h"

#include <ATen/ops/arange.h>
#include <gtest/gtest.h>

#include "support/small_models.h"

namespace westofn::model {
namespace {

/// From `first` on, up to the next entry, positions are in `bucket`.
struct Change {
  std::int64_t first = 0;
  std::int64_t bucket = 0;
};

void expect_buckets(Direction direction, std::int64_t buckets, std::int64_t most, const std::vector<Change>& changes) {
  T5Config config;
  config.relative_attention_num_buckets = buckets;
  config.relative_attention_max_distance = most;
  const at::Tensor found = relative_buckets(at::arange(-300, 301, at::kLong), direction, config);
  std::size_t next = 0;
  std::int64_t expected = -1;
  for (std::int64_t i = 0; i <= 600; ++i) {
    if (next < changes.size() && changes[next].first == i - 300) expected = changes[next++].bucket;
    EXPECT_EQ(found[i].item<std::int64_t>(), expected) << "position " << i - 300;
  }
  EXPECT_EQ(next, changes.size());
}

// Tables made with T5Attention._relative_position_bucket of transformers 5.23.
TEST(RelativeBuckets, AreThoseOfTransformersInTheEncoder) {
  expect_buckets(
      Direction::both, 32, 128,
      {{-300, 15}, {-90, 14}, {-63, 13}, {-45, 12}, {-31, 11}, {-22, 10}, {-15, 9}, {-11, 8}, {-7, 7}, {-6, 6}, {-5, 5},
       {-4, 4},    {-3, 3},   {-2, 2},   {-1, 1},   {0, 0},    {1, 17},   {2, 18},  {3, 19},  {4, 20}, {5, 21}, {6, 22},
       {7, 23},    {8, 24},   {12, 25},  {16, 26},  {23, 27},  {32, 28},  {46, 29}, {64, 30}, {91, 31}});
  expect_buckets(Direction::both, 8, 20, {{-300, 3}, {-6, 2}, {-1, 1}, {0, 0}, {1, 5}, {2, 6}, {7, 7}});
}

TEST(RelativeBuckets, AreThoseOfTransformersInTheDecoder) {
  expect_buckets(Direction::backward, 32, 64,
                 {{-300, 31}, {-58, 30}, {-53, 29}, {-49, 28}, {-45, 27}, {-41, 26}, {-38, 25}, {-34, 24},
                  {-31, 23},  {-29, 22}, {-26, 21}, {-24, 20}, {-22, 19}, {-20, 18}, {-19, 17}, {-17, 16},
                  {-15, 15},  {-14, 14}, {-13, 13}, {-12, 12}, {-11, 11}, {-10, 10}, {-9, 9},   {-8, 8},
                  {-7, 7},    {-6, 6},   {-5, 5},   {-4, 4},   {-3, 3},   {-2, 2},   {-1, 1},   {0, 0}});
  expect_buckets(Direction::backward, 8, 20,
                 {{-300, 7}, {-13, 6}, {-8, 5}, {-5, 4}, {-3, 3}, {-2, 2}, {-1, 1}, {0, 0}});
}

TEST(Norm, OfBfloat16IsComputedInFloat32) {
  // The square of 300 and its sum would lose digits in bfloat16.
  const at::Tensor x = at::arange(1, 301, at::kFloat).to(at::kBFloat16);
  const at::Tensor ones = x.new_ones({300});
  const at::Tensor wide = x.to(at::kDouble);
  const at::Tensor exact = wide * wide.square().mean().rsqrt();
  EXPECT_LT(((rms_norm(x, ones, 1e-6).to(at::kDouble) - exact) / exact).abs().max().item<double>(), 1.0 / 256);
  EXPECT_EQ(rms_norm(x, ones, 1e-6).scalar_type(), at::kBFloat16);
}

}  // namespace
}  // namespace westofn::model
