// SPDX-License-Identifier: Apache-2.0
#include "metrics/association.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

#include "util/error.h"
#include "util/philox.h"

namespace westofn::metrics {
namespace {

/// P(at most `most` heads in `throws` throws of a fair coin).
double fair_tail(std::int64_t most, std::int64_t throws) {
  const double n = static_cast<double>(throws);
  double sum = 0;
  for (std::int64_t k = most; k >= 0; --k) {
    const double heads = static_cast<double>(k);
    const double term =
        std::exp(std::lgamma(n + 1) - std::lgamma(heads + 1) - std::lgamma(n - heads + 1) - n * std::log(2.0));
    sum += term;
    if (term < 1e-17 * sum) break;  // terms only become smaller
  }
  return sum;
}

/// Sums from which a correlation follows.
struct Moments {
  double n = 0, x = 0, y = 0, xx = 0, yy = 0, xy = 0;

  void add(const Moments& other) {
    n += other.n;
    x += other.x;
    y += other.y;
    xx += other.xx;
    yy += other.yy;
    xy += other.xy;
  }
  [[nodiscard]] double correlation() const {
    const double variance_x = xx - x * x / n;
    const double variance_y = yy - y * y / n;
    // Below rounding of the sums all values are equal.
    if (!(variance_x > 1e-12 * xx) || !(variance_y > 1e-12 * yy)) return no_value;
    return std::clamp((xy - x * y / n) / std::sqrt(variance_x * variance_y), -1.0, 1.0);
  }
};

void add_interval(const std::vector<Moments>& groups, const IntervalOptions& options, Estimate& estimate) {
  const Philox random("bootstrap", options.seed, 0, "");
  std::vector<double> drawn;
  for (std::int64_t r = 0; r < options.resamples; ++r) {
    RandomSequence draws(random, static_cast<std::uint32_t>(r));
    Moments sums;
    for (std::size_t i = 0; i < groups.size(); ++i) {
      sums.add(groups[draws.below(static_cast<std::uint32_t>(groups.size()))]);
    }
    const double correlation = sums.correlation();
    if (!std::isnan(correlation)) drawn.push_back(correlation);
  }
  if (drawn.empty()) return;
  std::ranges::sort(drawn);
  estimate.low = sorted_quantile(drawn, (1 - options.level) / 2);
  estimate.high = sorted_quantile(drawn, (1 + options.level) / 2);
}

}  // namespace

McNemar mcnemar(std::span<const double> first, std::span<const double> second) {
  WESTOFN_CHECK(first.size() == second.size(), "outcomes of the same pairs");
  McNemar result;
  for (std::size_t i = 0; i < first.size(); ++i) {
    if (first[i] > second[i]) ++result.only_first;
    if (first[i] < second[i]) ++result.only_second;
  }
  const std::int64_t differing = result.only_first + result.only_second;
  const std::int64_t fewer = std::min(result.only_first, result.only_second);
  result.p_value = std::min(1.0, 2 * fair_tail(fewer, differing));
  return result;
}

std::vector<double> average_ranks(std::span<const double> values) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isnan(values[i])) order.push_back(i);
  }
  std::ranges::sort(order, {}, [&](std::size_t i) { return values[i]; });
  std::vector<double> ranks(values.size(), no_value);
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin + 1;
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    const double rank = static_cast<double>(begin + 1 + end) / 2;
    for (std::size_t i = begin; i < end; ++i) ranks[order[i]] = rank;
    begin = end;
  }
  return ranks;
}

Estimate rank_correlation(std::span<const double> x, std::span<const double> y, std::span<const std::int64_t> groups,
                          const IntervalOptions& options) {
  WESTOFN_CHECK(x.size() == y.size() && x.size() == groups.size(), "pairs of values with their groups");
  std::vector<double> both_x(x.begin(), x.end());
  std::vector<double> both_y(y.begin(), y.end());
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (std::isnan(x[i]) || std::isnan(y[i])) both_x[i] = both_y[i] = no_value;
  }
  const std::vector<double> ranks_x = average_ranks(both_x);
  const std::vector<double> ranks_y = average_ranks(both_y);
  std::vector<Moments> sums;
  Moments all;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (std::isnan(ranks_x[i])) continue;
    const auto group = static_cast<std::size_t>(groups[i]);
    if (group >= sums.size()) sums.resize(group + 1);
    const double a = ranks_x[i];
    const double b = ranks_y[i];
    const Moments one{1, a, b, a * a, b * b, a * b};
    sums[group].add(one);
    all.add(one);
  }
  std::erase_if(sums, [](const Moments& group) { return group.n == 0; });
  Estimate estimate;
  estimate.count = static_cast<std::int64_t>(all.n);
  if (estimate.count < 2) return estimate;
  estimate.value = all.correlation();
  if (!std::isnan(estimate.value) && sums.size() > 1) add_interval(sums, options, estimate);
  return estimate;
}

}  // namespace westofn::metrics
