// SPDX-License-Identifier: Apache-2.0
// How two lists of numbers go together: a test of paired outcomes, and rank correlation.
//
// Everywhere a NaN in either list says that there is no value: the place is left out.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "metrics/interval.h"

namespace westofn::metrics {

/// McNemar's exact test: whether two models are right on equally many of the pairs on which they do not agree.
struct McNemar {
  std::int64_t only_first = 0;   ///< pairs on which the first model does better
  std::int64_t only_second = 0;  ///< pairs on which the second does
  double p_value = 1;            ///< two-sided, binomial with 1/2
};
/// Of the outcomes (0, 0.5 or 1) of both models on the same pairs.
[[nodiscard]] McNemar mcnemar(std::span<const double> first, std::span<const double> second);

/// The ranks of values, from 1; equal ones share the mean of their ranks. NaN where the value is NaN.
[[nodiscard]] std::vector<double> average_ranks(std::span<const double> values);

/// Spearman's rank correlation, with a percentile interval over resampled groups, whose values keep the ranks that they
/// have among all (`groups` as for grouped_mean). NaN where one of the lists has no two different values.
[[nodiscard]] Estimate rank_correlation(std::span<const double> x, std::span<const double> y,
                                        std::span<const std::int64_t> groups, const IntervalOptions& options);

}  // namespace westofn::metrics
