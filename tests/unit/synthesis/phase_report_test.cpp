// SPDX-License-Identifier: Apache-2.0
#include "synthesis/phase_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace westofn::synthesis {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

PhaseTotals some_totals() {
  PhaseTotals totals;
  totals.ranks = 2;
  totals.wall_s = 10;
  totals.busy_s = 15;
  totals.work = {1000, 1250, 4000, 5000, 50, 9, 3};
  totals.items = {{"prompts", 25}, {"samples", 1600}};
  return totals;
}

TEST(PhaseText, SaysHowFastItWasAndWhereTheTimeWent) {
  const std::string text = phase_text(some_totals(), false);
  EXPECT_THAT(text, HasSubstr("2.50 prompts/s, 160 samples/s: 10.0 s on 2 ranks, at work 75 % of it"));
  EXPECT_THAT(text, HasSubstr("1000 tokens in 1250 computed rows (20.0 % padding)"));
  EXPECT_THAT(text, HasSubstr("4000 tokens in 5000 computed rows (20.0 % padding and ended rows)"));
  EXPECT_THAT(text, HasSubstr("50, of 80.0 live rows in the mean"));
  EXPECT_THAT(text, HasSubstr("60.0 % matrix products, 20.0 % attention, 20.0 % all else"));
}

TEST(PhaseText, ClaimsNoTimesOfAGpu) {
  const std::string text = phase_text(some_totals(), true);
  EXPECT_THAT(text, HasSubstr("not measured on GPUs"));
  EXPECT_THAT(text, Not(HasSubstr("matrix products,")));
}

TEST(PhaseText, IsEmptyIfNothingWasComputed) { EXPECT_EQ(phase_text({}, false), ""); }

}  // namespace
}  // namespace westofn::synthesis
