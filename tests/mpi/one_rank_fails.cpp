// SPDX-License-Identifier: Apache-2.0
// A test program that must fail: one assertion is wrong on the last rank only.
#include <gtest/gtest.h>

#include "support/mpi_main.h"

namespace westofn::testing {
namespace {

TEST(OneRank, Fails) { EXPECT_NE(world().rank(), world().size() - 1) << "the last rank objects"; }

TEST(OneRank, IsFollowedByATestOnAllRanks) { world().barrier(); }

}  // namespace
}  // namespace westofn::testing
