// SPDX-License-Identifier: Apache-2.0
// Means with intervals: bootstrap over groups, Wilson for independent outcomes, and what a difference means.
//
// Everywhere a NaN among the values says that there is none: it is left out.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace westofn::metrics {

inline constexpr double no_value = std::numeric_limits<double>::quiet_NaN();

/// A mean and its interval; NaN where there is nothing to say (no values; one group only: no interval).
struct Estimate {
  double value = no_value;
  double low = no_value;
  double high = no_value;
  std::int64_t count = 0;  ///< values that it is the mean of
};

/// How intervals are made.
struct IntervalOptions {
  std::int64_t resamples = 2000;
  double level = 0.95;  ///< share of the resamples inside the interval
  std::uint64_t seed = 1;
};

/// Numbers for groups, from 0 in order of appearance; an empty name is a group of its own.
[[nodiscard]] std::vector<std::int64_t> number_groups(std::span<const std::string> names);

/// The mean of the values with a percentile interval over resampled groups (Philox purpose "bootstrap"; the same draws
/// for equal numbers of groups), which is widened for few groups as Student's t is; with less than 10 groups Student's
/// interval itself. `groups` has a number (number_groups) for each value.
[[nodiscard]] Estimate grouped_mean(std::span<const double> values, std::span<const std::int64_t> groups,
                                    const IntervalOptions& options);

/// The mean of outcomes (0, 0.5 or 1): Wilson's interval where every group has one value, else as grouped_mean.
[[nodiscard]] Estimate proportion(std::span<const double> outcomes, std::span<const std::int64_t> groups,
                                  const IntervalOptions& options);

/// Wilson's score interval of `successes` among `count`.
[[nodiscard]] Estimate wilson(double successes, std::int64_t count, double level);

/// The mean of a - b, value by value, where both are there: a paired difference. With at most 16 groups that differ the
/// interval holds 0 unless the exact sign-flip test over these groups says no at the same level.
[[nodiscard]] Estimate paired_difference(std::span<const double> a, std::span<const double> b,
                                         std::span<const std::int64_t> groups, const IntervalOptions& options);

/// The q-quantile of ascending values, at least one, interpolated between neighbours.
[[nodiscard]] double sorted_quantile(const std::vector<double>& sorted, double q);

enum class Verdict : std::uint8_t { no_difference_seen = 0, better = 1, worse = 2 };

/// Better or worse only if 0 lies outside the interval of the difference.
[[nodiscard]] Verdict verdict(const Estimate& difference);

/// "better", "worse" or "no difference seen".
[[nodiscard]] std::string_view to_text(Verdict verdict);

}  // namespace westofn::metrics
