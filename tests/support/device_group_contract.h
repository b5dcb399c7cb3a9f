// SPDX-License-Identifier: Apache-2.0
// What every DeviceGroup promises; `device` is a function that returns the device of this rank's tensors.
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

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

TYPED_TEST_P(DeviceGroupContract, ReducesToTheOwnersOnly) {
  this->run([](DeviceGroup& group) {
    for (const auto type : travelling_types()) {
      std::vector<OwnedTensor> tensors;
      for (int i = 0; i < 5; ++i) {
        tensors.push_back({contribution(group.rank(), 4 + 3 * i, type).to(group.device()), i % group.size()});
      }
      group.reduce_to_owners(tensors);
      group.wait();
      for (const auto& [tensor, owner] : tensors) {
        if (owner == group.rank()) {
          expect_close(tensor, exact_sum(group.size(), tensor.numel(), type), tolerance(type, group.size()));
        } else {
          expect_equal(tensor, contribution(group.rank(), tensor.numel(), type));
        }
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

TYPED_TEST_P(DeviceGroupContract, GathersInRankOrder) {
  this->run([](DeviceGroup& group) {
    for (const auto type : travelling_types()) {
      const at::Tensor mine = contribution(group.rank(), 12, type).view({3, 4}).to(group.device());
      const at::Tensor all = at::empty({group.size(), 3, 4}, mine.options());
      group.all_gather(mine, all);
      group.wait();
      for (int r = 0; r < group.size(); ++r) expect_equal(all.select(0, r).reshape(-1), contribution(r, 12, type));
    }
  });
}

TYPED_TEST_P(DeviceGroupContract, ScattersTheSumInRankOrder) {
  this->run([](DeviceGroup& group) {
    for (const auto type : travelling_types()) {
      const std::int64_t part = 5;
      const at::Tensor all = contribution(group.rank(), part * group.size(), type).to(group.device());
      const at::Tensor mine = at::empty({part}, all.options());
      group.reduce_scatter(all, mine);
      group.wait();
      const at::Tensor exact = exact_sum(group.size(), part * group.size(), type);
      expect_close(mine, exact.narrow(0, part * group.rank(), part), tolerance(type, group.size()));
      expect_equal(all, contribution(group.rank(), part * group.size(), type));
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
    EXPECT_THROW(group.all_gather(at::zeros({2}, on), at::zeros({2 * group.size() + 1}, on)), InternalError);
    EXPECT_THROW(group.reduce_scatter(at::zeros({group.size()}, on), at::zeros({1}, on.dtype(at::kDouble))),
                 InternalError);
  });
}

REGISTER_TYPED_TEST_SUITE_P(DeviceGroupContract, SumsEveryTypeAndLength, GivesTheSameBitsToEveryRank,
                            ReducesToTheOwnersOnly, BroadcastsFromTheOwners, GathersInRankOrder,
                            ScattersTheSumInRankOrder, WritesIntoParameters, RefusesWhatCannotTravel);

}  // namespace westofn::testing
