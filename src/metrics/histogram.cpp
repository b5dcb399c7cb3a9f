// SPDX-License-Identifier: Apache-2.0
#include "metrics/histogram.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <vector>

namespace westofn::metrics {
namespace {

constexpr std::size_t most_bins = 12;

/// Bins of equal width; values beyond an end belong to the last bin there.
struct Bins {
  double begin = 0;
  double width = 1;
  std::size_t count = 1;

  [[nodiscard]] std::size_t of(double value) const {
    const double place = std::floor((value - begin) / width);
    return place < 1 ? 0 : static_cast<std::size_t>(std::min(place, static_cast<double>(count - 1)));
  }
};

/// The smallest 1, 2 or 5 times a power of ten that is at least `least`, which is positive.
double round_up(double least) {
  const double power = std::pow(10, std::floor(std::log10(least)));
  for (const double factor : {1, 2, 5}) {
    if (factor * power >= least) return factor * power;
  }
  return 10 * power;
}

std::int64_t count_of(const HistogramColumn& column, std::size_t value) {
  return column.counts.empty() ? 1 : column.counts[value];
}

Bins choose_bins(std::span<const HistogramColumn> columns) {
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (const auto& column : columns) {
    for (std::size_t i = 0; i < column.values.size(); ++i) {
      const double value = column.values[i];
      if (!std::isfinite(value) || count_of(column, i) == 0) continue;
      low = std::min(low, value);
      high = std::max(high, value);
    }
  }
  const double least = high / (most_bins - 2) - low / (most_bins - 2);
  if (!(least > std::numeric_limits<double>::min())) return {std::isfinite(low) ? low : 0, 1, 1};
  Bins bins;
  bins.width = round_up(least);
  bins.begin = std::floor(low / bins.width) * bins.width;
  const double needed = std::ceil((high - bins.begin) / bins.width);
  bins.count = static_cast<std::size_t>(std::clamp(needed, 1.0, static_cast<double>(most_bins)));
  return bins;
}

std::string padded_left(const std::string& text, std::size_t width) {
  return std::string(width - std::min(width, text.size()), ' ') + text;
}

std::string padded_right(std::string text, std::size_t width) {
  text.resize(width, ' ');
  return text;
}

std::string number(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.4g", value);
  return text.data();
}

}  // namespace

std::string text_histogram(std::span<const HistogramColumn> columns, std::size_t width) {
  constexpr std::size_t label_width = 10;
  const Bins bins = choose_bins(columns);
  std::vector<std::vector<std::int64_t>> counts;
  std::int64_t largest = 1;
  std::int64_t all = 0;
  std::string left_out;
  for (const auto& column : columns) {
    auto& of_column = counts.emplace_back(bins.count);
    std::int64_t unusable = 0;
    std::int64_t of_all = 0;
    for (std::size_t i = 0; i < column.values.size(); ++i) {
      const double value = column.values[i];
      (std::isfinite(value) ? of_column[bins.of(value)] : unusable) += count_of(column, i);
      of_all += count_of(column, i);
    }
    largest = std::max(largest, *std::ranges::max_element(of_column));
    all = std::max(all, of_all);
    if (unusable > 0) left_out += "\n" + column.name + ": " + std::to_string(unusable) + " not finite";
  }
  const std::size_t count_width = std::max<std::size_t>(std::to_string(all).size(), 3);
  const std::size_t column_width = (width - label_width) / columns.size();
  const std::size_t bar_width = column_width - count_width - 4;  // " |", " " and what parts two columns
  std::string text(label_width, ' ');
  for (const auto& column : columns) text += "  " + padded_right(column.name, column_width - 2);
  for (std::size_t bin = 0; bin < bins.count; ++bin) {
    text.erase(text.find_last_not_of(' ') + 1);
    text += "\n" + padded_left(number(bins.begin + static_cast<double>(bin) * bins.width), label_width);
    for (const auto& of_column : counts) {
      const double share = static_cast<double>(of_column[bin]) / static_cast<double>(largest);
      const auto bar = static_cast<std::size_t>(std::ceil(share * static_cast<double>(bar_width)));
      text += " |" + padded_right(std::string(bar, '#'), bar_width) + " " +
              padded_left(std::to_string(of_column[bin]), count_width) + " ";
    }
  }
  text.erase(text.find_last_not_of(' ') + 1);
  return text + left_out;
}

}  // namespace westofn::metrics
