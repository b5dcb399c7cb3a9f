// SPDX-License-Identifier: Apache-2.0
// Histograms as text, for logs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace westofn::metrics {

/// Numbers that get a column of bars.
struct HistogramColumn {
  std::string name;
  std::span<const double> values;
  std::span<const std::int64_t> counts = {};  ///< how often each value occurs; empty: once
};

/// At most twelve bins of equal, round width that all columns share, one a line: its lower end, and for each column a
/// bar of '#' (longest: the largest count of all) and the count. Values that are not finite are counted in a line of
/// their own. No line is longer than `width`; there are one to three columns. Ends without a line break.
[[nodiscard]] std::string text_histogram(std::span<const HistogramColumn> columns, std::size_t width = 80);

}  // namespace westofn::metrics
