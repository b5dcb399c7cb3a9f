// SPDX-License-Identifier: Apache-2.0
#include "inference/matrix.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <vector>

#include "support/small_models.h"

namespace westofn::inference {
namespace {

std::vector<Arithmetic> runnable() {
  std::vector<Arithmetic> all = {Arithmetic::panels, Arithmetic::tensors};
  if (at::hasMKLDNN()) all.push_back(Arithmetic::onednn);
  return all;
}

TEST(Matrix, MultipliesAndAddsInEveryArithmetic) {
  const at::Tensor weight = at::randn({70, 33});
  const at::Tensor wide = at::randn({9, 50});
  const at::Tensor x = wide.narrow(1, 4, 33);
  const at::Tensor expected = at::matmul(x.to(at::kDouble), weight.to(at::kDouble).t());
  for (const Arithmetic arithmetic : runnable()) {
    const Matrix matrix(weight, arithmetic, 64);
    EXPECT_LT(testing::largest_difference(matrix.multiply(x), expected), 1e-4);
    at::Tensor sum = at::ones({9, 70});
    matrix.add_to(x, sum);
    EXPECT_LT(testing::largest_difference(sum, expected + 1), 1e-4);
    const at::Tensor room = at::ones({9, 100});
    matrix.multiply_into(x, room.narrow(1, 20, 70));
    EXPECT_LT(testing::largest_difference(room.narrow(1, 20, 70), expected), 1e-4);
    EXPECT_TRUE(at::equal(room.narrow(1, 0, 20), at::ones({9, 20}))) << "nothing beside it was written";
    EXPECT_TRUE(at::equal(room.narrow(1, 90, 10), at::ones({9, 10})));
  }
}

TEST(Matrix, GivesTheSameBitsOnAnyNumberOfThreads) {
  const Matrix matrix(at::randn({700, 40}), Arithmetic::panels, 64);
  const at::Tensor x = at::randn({30, 40});
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  const at::Tensor alone = matrix.multiply(x);
  at::set_num_threads(3);
  EXPECT_TRUE(at::equal(matrix.multiply(x), alone));
  at::set_num_threads(before);
}

TEST(Matrix, RoundsOnlyItsWeightsToBfloat16InPanels) {
  const at::Tensor weight = at::randn({20, 30});
  const at::Tensor x = at::randn({5, 30});
  const Matrix matrix(weight.to(at::kBFloat16), Arithmetic::panels, 64);
  const at::Tensor expected = at::matmul(x.to(at::kDouble), weight.to(at::kBFloat16).to(at::kDouble).t());
  EXPECT_LT(testing::largest_difference(matrix.multiply(x), expected), 1e-5);
}

}  // namespace
}  // namespace westofn::inference
