// SPDX-License-Identifier: Apache-2.0
// What every DeviceGroup promises; `device` is a function that returns the device of this rank's tensors.
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <functional>
#include <memory>
#include <vector>

#include "comm/device/device_group.h"

namespace westofn::testing {

using comm::DeviceGroup;
using comm::OwnedTensor;

/// A back end is a type with `static void run(const std::function<void(DeviceGroup&)>&)`.
template <class Backend>
class DeviceGroupContract : public ::testing::Test {
 protected:
  static void run(const std::function<void(DeviceGroup&)>& f) { Backend::run(f); }
};
TYPED_TEST_SUITE_P(DeviceGroupContract);

/// What a rank contributes: numbers of very different size, of both signs, without a pattern.
inline at::Tensor contribution(int rank, std::int64_t count, at::ScalarType type) {
  std::vector<double> values(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    const double x = std::sin(12.9898 * static_cast<double>(i + 1) + 78.233 * (rank + 1)) * 43758.5453;
    values[static_cast<std::size_t>(i)] = (x - std::floor(x) - 0.4) * std::pow(2.0, static_cast<double>(i % 5));
  }
  const at::Tensor tensor = at::tensor(values, at::kDouble);
  return type == at::kLong ? tensor.mul(1000).to(type) : tensor.to(type);
}

/// The sum over all ranks in float64 of what they contribute in `type`.
inline at::Tensor exact_sum(int ranks, std::int64_t count, at::ScalarType type) {
  at::Tensor sum = at::zeros(count, at::kDouble);
  for (int r = 0; r < ranks; ++r) sum.add_(contribution(r, count, type).to(at::kDouble));
  return sum;
}

/// Half a unit in the last place of the type for the largest of the numbers (sums stay below 64), plus the roundings
/// of a float32 sum of a few ranks. Back ends that add in the narrow type round once more for every rank.
inline double tolerance(at::ScalarType type, int ranks) {
  switch (type) {
    case at::kBFloat16: return ranks * 0.125;  // 2^-9 * 64
    case at::kHalf: return ranks * 64 * 0x1p-12;
    case at::kFloat: return ranks * 64 * 0x1p-24;
    default: return 1e-12;
  }
}

inline void expect_close(const at::Tensor& actual, const at::Tensor& exact, double tolerance) {
  const at::Tensor difference = (actual.to(at::kCPU, at::kDouble).view(-1) - exact.view(-1)).abs();
  EXPECT_LE(difference.numel() == 0 ? 0.0 : difference.max().item<double>(), tolerance);
}

inline void expect_equal(const at::Tensor& actual, const at::Tensor& expected) {
  EXPECT_TRUE(at::equal(actual.to(at::kCPU), expected));
}

inline const std::vector<at::ScalarType>& travelling_types() {
  static const std::vector<at::ScalarType> types{at::kFloat, at::kDouble, at::kBFloat16, at::kHalf, at::kLong};
  return types;
}

TYPED_TEST_P(DeviceGroupContract, SumsEveryTypeAndLength) {
  this->run([](DeviceGroup& group) {
    for (const auto type : travelling_types()) {
      for (const std::int64_t count : {0, 1, 2, 3, 7, 8, 1000}) {
        const at::Tensor tensor = contribution(group.rank(), count, type).to(group.device());
        group.all_reduce(tensor);
        group.wait();
        expect_close(tensor, exact_sum(group.size(), count, type), tolerance(type, group.size()));
      }
    }
  });
}

TYPED_TEST_P(DeviceGroupContract, GivesTheSameBitsToEveryRank) {
  this->run([](DeviceGroup& group) {
    for (const auto type : {at::kFloat, at::kBFloat16}) {
      const at::Tensor tensor = contribution(group.rank(), 501, type).to(group.device());
      group.all_reduce(tensor);
      const at::Tensor of_first = tensor.clone();
      group.wait();
      of_first.copy_(tensor);
      group.broadcast(of_first, 0);
      group.wait();
      EXPECT_TRUE(at::equal(of_first, tensor));
    }
  });
}

/// Tensors of several types and owners; the first `contributors` ranks contribute.
inline std::vector<comm::Contribution> contributions_of(const DeviceGroup& group, int contributors) {
  std::vector<comm::Contribution> contributions;
  const std::array types = {at::kFloat, at::kBFloat16, at::kDouble, at::kHalf};
  for (int i = 0; i < 9; ++i) {
    const at::ScalarType type = types[static_cast<std::size_t>(i) % types.size()];
    comm::Contribution c{{}, {}, (2 * i) % group.size(), 4 + 3 * i, type};
    if (group.rank() < contributors) c.mine = contribution(group.rank(), c.count, type).to(group.device());
    const auto sum_type = type == at::kDouble ? at::kDouble : at::kFloat;
    if (group.rank() == c.owner) c.sum = at::full({c.count}, 0.375, at::TensorOptions(group.device()).dtype(sum_type));
    contributions.push_back(std::move(c));
  }
  return contributions;
}

TYPED_TEST_P(DeviceGroupContract, AddsToTheOwnersInRankOrder) {
  this->run([](DeviceGroup& group) {
    for (int contributors = 1; contributors <= group.size(); ++contributors) {
      const auto contributions = contributions_of(group, contributors);
      group.add_to_owners(contributions, contributors, comm::SumStart::anew);
      group.add_to_owners(contributions, contributors, comm::SumStart::from_what_is_there);
      group.wait();
      for (const auto& c : contributions) {
        if (c.mine.defined()) expect_equal(c.mine, contribution(group.rank(), c.count, c.type));
        if (!c.sum.defined()) continue;
        // One addition after the other, each rounded to the type of the sum.
        at::Tensor expected = contribution(0, c.count, c.type).to(c.sum.scalar_type());
        for (int i = 1; i < 2 * contributors; ++i) {
          expected.add_(contribution(i % contributors, c.count, c.type).to(c.sum.scalar_type()));
        }
        expect_equal(c.sum, expected);
      }
    }
  });
}

TYPED_TEST_P(DeviceGroupContract, BroadcastsFromTheOwners) {
  this->run([](DeviceGroup& group) {
    for (const auto type : travelling_types()) {
      std::vector<OwnedTensor> tensors;
      for (int i = 0; i < 5; ++i) {
        tensors.push_back(
            {contribution(group.rank(), 6 * i, type).view({2, 3 * i}).to(group.device()), (i + 1) % group.size()});
      }
      group.broadcast_from_owners(tensors);
      group.wait();
      for (const auto& [tensor, owner] : tensors) {
        expect_equal(tensor.view(-1), contribution(owner, tensor.numel(), type));
      }
    }
  });
}

TYPED_TEST_P(DeviceGroupContract, WritesIntoParameters) {
  this->run([](DeviceGroup& group) {
    const at::Tensor parameter = at::ones({3}, group.device()).requires_grad_(true);
    group.all_reduce(parameter);
    group.broadcast(parameter, 0);
    group.wait();
    EXPECT_TRUE(at::equal(parameter.detach().to(at::kCPU), at::full({3}, static_cast<float>(group.size()))));
  });
}

TYPED_TEST_P(DeviceGroupContract, RefusesWhatCannotTravel) {
  this->run([](DeviceGroup& group) {
    const auto on = at::TensorOptions(group.device());
    EXPECT_THROW(group.all_reduce(at::zeros({4, 4}, on).t().narrow(0, 0, 2)), InternalError);
    EXPECT_THROW(group.all_reduce(at::zeros({2}, on.dtype(at::kBool))), InternalError);
    auto contributions = contributions_of(group, group.size());
    contributions[3].count += 1;
    EXPECT_THROW(group.add_to_owners(contributions, group.size(), comm::SumStart::anew), InternalError);
  });
}

REGISTER_TYPED_TEST_SUITE_P(DeviceGroupContract, SumsEveryTypeAndLength, GivesTheSameBitsToEveryRank,
                            AddsToTheOwnersInRankOrder, BroadcastsFromTheOwners, WritesIntoParameters,
                            RefusesWhatCannotTravel);

}  // namespace westofn::testing
