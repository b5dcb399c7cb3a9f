// SPDX-License-Identifier: Apache-2.0
#include "training/train_curve.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "support/temporary_folder.h"

namespace westofn::training {
namespace {

TEST(TrainCurve, ReadsBackWhatWasWritten) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  const testing::TemporaryFolder folder;
  const std::vector<CurvePoint> curve = {{0, 0, nan, nan, 1.5, 0.5}, {1, 1e-4, 1.25, 0.75, nan, nan}};
  const std::string path = folder / curve_name;
  EXPECT_EQ(write_curve(path, curve).name, curve_name);
  const auto read = read_curve(path);
  ASSERT_EQ(read.size(), 2U);
  EXPECT_EQ(read[0].step, 0);
  EXPECT_TRUE(std::isnan(read[0].loss) && std::isnan(read[0].gradient_norm));
  EXPECT_EQ(read[0].validation_loss, 1.5);
  EXPECT_EQ(read[0].validation_accuracy, 0.5);
  EXPECT_EQ(read[1].step, 1);
  EXPECT_EQ(read[1].learning_rate, 1e-4);
  EXPECT_EQ(read[1].loss, 1.25);
  EXPECT_EQ(read[1].gradient_norm, 0.75);
  EXPECT_TRUE(std::isnan(read[1].validation_loss) && std::isnan(read[1].validation_accuracy));
}

TEST(TrainCurve, IsOneJsonObjectALineWithNullsForWhatIsNotThere) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<CurvePoint> curve = {{0, 0, nan, nan, 1.5, 0.5}, {1, 0.1, 1.25, 0.1 + 0.2, nan, nan}};
  EXPECT_EQ(
      curve_lines(curve),
      R"({"step":0,"learning_rate":0.0,"loss":null,"gradient_norm":null,"validation_loss":1.5,"validation_accuracy":0.5}
{"step":1,"learning_rate":0.1,"loss":1.25,"gradient_norm":0.30000000000000004,"validation_loss":null,"validation_accuracy":null}
)");
}

}  // namespace
}  // namespace westofn::training
