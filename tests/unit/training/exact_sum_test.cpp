// SPDX-License-Identifier: Apache-2.0
#include "training/exact_sum.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "util/philox.h"

namespace westofn::training {
namespace {

/// Gradients of very different size and of both signs, times `scale`.
std::vector<at::Tensor> random_parts(int parts, std::int64_t size, double scale) {
  RandomSequence random(Philox("test", 1, 0, "parts"));
  std::vector<at::Tensor> result;
  for (int p = 0; p < parts; ++p) {
    std::vector<double> values(static_cast<std::size_t>(size));
    for (auto& value : values) value = scale * (random.uniform() - 0.5) * std::pow(2.0, -20 * random.uniform());
    result.push_back(at::tensor(values, at::kDouble).to(at::kFloat));
  }
  return result;
}

double largest_of(const std::vector<at::Tensor>& parts) {
  double largest = 0;
  for (const auto& part : parts) largest = std::max(largest, largest_magnitude(part));
  return largest;
}

/// The sum as ranks would make it: those of each group first, then the groups.
at::Tensor sum_in_groups(const std::vector<at::Tensor>& parts, const std::vector<std::size_t>& order,
                         std::size_t groups) {
  const auto count = static_cast<std::int64_t>(parts.size());
  const int exponent = exact_exponent(largest_of(parts), count);
  at::Tensor total = at::zeros(parts[0].sizes(), at::kLong);
  for (std::size_t g = 0; g < groups; ++g) {
    at::Tensor group = at::zeros(parts[0].sizes(), at::kLong);
    for (std::size_t i = g; i < order.size(); i += groups) group.add_(to_integers(parts[order[i]], exponent));
    total.add_(group);
  }
  return from_integers(total, exponent, 1);
}

std::vector<std::size_t> in_order(std::size_t count) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  return order;
}

TEST(ExactSum, HasTheSameBitsInAnyOrderAndAnySplit) {
  const auto parts = random_parts(37, 501, 1);
  auto order = in_order(parts.size());
  const at::Tensor reference = sum_in_groups(parts, order, 1);
  RandomSequence random(Philox("test", 1, 0, "order"));
  for (const std::size_t groups : {1U, 2U, 3U, 8U, 37U}) {
    random.shuffle(order);
    EXPECT_TRUE(at::equal(sum_in_groups(parts, order, groups), reference)) << groups;
  }
}

TEST(ExactSum, IsTheFloat64SumRoundedToFloat32) {
  for (const double scale : {1.0, 1e-37, 1e35}) {
    const auto parts = random_parts(64, 1000, scale);
    at::Tensor slow = at::zeros({1000}, at::kDouble);
    for (const auto& part : parts) slow.add_(part.to(at::kDouble));
    const at::Tensor fast = sum_in_groups(parts, in_order(parts.size()), 4);
    const double error = (fast.to(at::kDouble) - slow).abs().max().item<double>();
    // One unit in the last place of float32 at the largest sum that 64 parts of this size can have; it is far less.
    EXPECT_LE(error, std::ldexp(64 * largest_of(parts), -24)) << scale;
    EXPECT_LE(error, slow.abs().max().item<double>() * 0x1p-24 + 1e-45) << scale;
  }
}

TEST(ExactSum, KeepsTheLargestAndTheSmallestNumbersOfFloat32) {
  constexpr float huge = std::numeric_limits<float>::max();
  constexpr float tiny = std::numeric_limits<float>::denorm_min();
  for (const float value : {huge, -huge, tiny, -tiny, 1.0F}) {
    for (const int parts : {1, 2, 3, 1000}) {
      const int exponent = exact_exponent(std::abs(value), parts);
      const at::Tensor sum = to_integers(at::full({1}, value), exponent).mul_(parts);
      EXPECT_EQ(from_integers(sum, exponent, parts).item<float>(), value) << value << " times " << parts;
    }
  }
}

TEST(ExactSum, OfZerosIsZero) {
  const std::vector<at::Tensor> parts(3, at::zeros({2, 5}));
  EXPECT_TRUE(at::equal(sum_in_groups(parts, in_order(3), 2), at::zeros({2, 5})));
}

TEST(ExactSum, NeverOverflowsAtTheLargestValue) {
  for (const std::int64_t parts :
       {std::int64_t{1}, std::int64_t{2}, std::int64_t{1} << 20, (std::int64_t{1} << 20) + 1, std::int64_t{1} << 30}) {
    for (const float largest : {1.0F, std::nextafter(2.0F, 0.0F)}) {
      const auto one = to_integers(at::full({1}, largest), exact_exponent(largest, parts)).item<std::int64_t>();
      EXPECT_LE(one, std::numeric_limits<std::int64_t>::max() / parts) << parts;
      EXPECT_GE(one, std::int64_t{1} << 24) << "all bits of float32 are kept";
    }
  }
}

TEST(LargestMagnitude, ShowsWhatIsNotFinite) {
  EXPECT_EQ(largest_magnitude(at::tensor({1.0F, -3.0F, 2.0F})), 3.0);
  EXPECT_EQ(largest_magnitude(at::empty({0})), 0.0);
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float bad : {infinity, -infinity, std::numeric_limits<float>::quiet_NaN()}) {
    for (std::int64_t place = 0; place < 40; ++place) {
      at::Tensor values = at::ones({40});
      values[place] = bad;
      EXPECT_FALSE(std::isfinite(largest_magnitude(values))) << bad << " at " << place;
    }
  }
}

}  // namespace
}  // namespace westofn::training
