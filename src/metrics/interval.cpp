// SPDX-License-Identifier: Apache-2.0
#include "metrics/interval.h"

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <numeric>
#include <unordered_map>

#include "util/error.h"
#include "util/philox.h"

namespace westofn::metrics {
namespace {

/// Sum and number of the values of a group.
struct GroupSum {
  double sum = 0;
  std::int64_t count = 0;
};

/// The groups that have a value, in the order of their numbers.
std::vector<GroupSum> sum_groups(std::span<const double> values, std::span<const std::int64_t> groups) {
  WESTOFN_CHECK(values.size() == groups.size(), "a group for each value");
  std::vector<GroupSum> sums;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i])) continue;
    const auto group = static_cast<std::size_t>(groups[i]);
    if (group >= sums.size()) sums.resize(group + 1);
    sums[group].sum += values[i];
    ++sums[group].count;
  }
  std::erase_if(sums, [](const GroupSum& group) { return group.count == 0; });
  return sums;
}

GroupSum total(const std::vector<GroupSum>& groups) {
  GroupSum all;
  for (const auto& group : groups) {
    all.sum += group.sum;
    all.count += group.count;
  }
  return all;
}

/// The share of the resampled means that lies below an interval of this level. With few groups the plain percentile
/// interval is too narrow, as if Student's t were normal and the variance were divided by n instead of n - 1: this
/// widens it by as much (Hesterberg, What teachers should know about the bootstrap, The American Statistician 2015).
double share_below(std::size_t groups, double level) {
  const auto n = static_cast<double>(groups);
  const double t = quantile(boost::math::students_t(n - 1), (1 - level) / 2);
  return cdf(boost::math::normal(), std::sqrt(n / (n - 1)) * t);
}

/// Student's interval of a ratio of sums over groups: where they are too few for a bootstrap, which cannot leave the
/// range of what it has seen.
void add_student_interval(Estimate& estimate, const std::vector<GroupSum>& groups, double level) {
  const auto n = static_cast<double>(groups.size());
  double squares = 0;
  for (const auto& group : groups) {
    const double residual = group.sum - estimate.value * static_cast<double>(group.count);
    squares += residual * residual;
  }
  const double error = std::sqrt(n / (n - 1) * squares) / static_cast<double>(estimate.count);
  const double half = error * quantile(boost::math::students_t(n - 1), (1 + level) / 2);
  estimate.low = estimate.value - half;
  estimate.high = estimate.value + half;
}

Estimate bootstrap(const std::vector<GroupSum>& groups, const IntervalOptions& options) {
  constexpr std::size_t few = 10;
  const GroupSum all = total(groups);
  if (all.count == 0) return {};
  Estimate estimate{all.sum / static_cast<double>(all.count), no_value, no_value, all.count};
  if (groups.size() < 2) return estimate;
  if (groups.size() < few) {
    add_student_interval(estimate, groups, options.level);
    return estimate;
  }
  const Philox random("bootstrap", options.seed, 0, "");
  std::vector<double> means(static_cast<std::size_t>(options.resamples));
  for (std::size_t r = 0; r < means.size(); ++r) {
    RandomSequence draws(random, static_cast<std::uint32_t>(r));
    GroupSum drawn;
    for (std::size_t i = 0; i < groups.size(); ++i) {
      const GroupSum& group = groups[draws.below(static_cast<std::uint32_t>(groups.size()))];
      drawn.sum += group.sum;
      drawn.count += group.count;
    }
    means[r] = drawn.sum / static_cast<double>(drawn.count);
  }
  std::sort(means.begin(), means.end());
  const double below = share_below(groups.size(), options.level);
  estimate.low = sorted_quantile(means, below);
  estimate.high = sorted_quantile(means, 1 - below);
  return estimate;
}

/// The p-value of the exact sign-flip test that the differences of the groups are as often positive as negative: the
/// share of all choices of signs whose sum is as far from 0 as the one that was found.
double sign_flip_p(std::span<const double> differences) {
  const double found = std::abs(std::accumulate(differences.begin(), differences.end(), 0.0));
  const double rounding = 1e-12 * (1 + found);
  const std::size_t choices = std::size_t{1} << differences.size();
  std::size_t as_far = 0;
  for (std::size_t signs = 0; signs < choices; ++signs) {
    double sum = 0;
    for (std::size_t g = 0; g < differences.size(); ++g)
      sum += (signs >> g & 1U) != 0 ? -differences[g] : differences[g];
    if (std::abs(sum) >= found - rounding) ++as_far;
  }
  return static_cast<double>(as_far) / static_cast<double>(choices);
}

/// Where few groups differ a bootstrap knows too little of them: the interval then reaches to 0 unless the exact test
/// says otherwise.
void stretch_to_zero(Estimate& difference, const std::vector<GroupSum>& groups, double level) {
  constexpr std::size_t few = 16;
  std::vector<double> different;
  for (const auto& group : groups) {
    if (group.sum != 0) different.push_back(group.sum);
  }
  if (different.size() > few || std::isnan(difference.low) || sign_flip_p(different) <= 1 - level) return;
  difference.low = std::min(difference.low, 0.0);
  difference.high = std::max(difference.high, 0.0);
}

}  // namespace

double sorted_quantile(const std::vector<double>& sorted, double q) {
  const double place = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], place - static_cast<double>(below));
}

std::vector<std::int64_t> number_groups(std::span<const std::string> names) {
  std::unordered_map<std::string, std::int64_t> known;
  std::vector<std::int64_t> numbers;
  numbers.reserve(names.size());
  std::int64_t next = 0;
  for (const auto& name : names) {
    if (name.empty()) {
      numbers.push_back(next++);
      continue;
    }
    const auto [entry, is_new] = known.emplace(name, next);
    if (is_new) ++next;
    numbers.push_back(entry->second);
  }
  return numbers;
}

Estimate grouped_mean(std::span<const double> values, std::span<const std::int64_t> groups,
                      const IntervalOptions& options) {
  return bootstrap(sum_groups(values, groups), options);
}

Estimate proportion(std::span<const double> outcomes, std::span<const std::int64_t> groups,
                    const IntervalOptions& options) {
  const std::vector<GroupSum> sums = sum_groups(outcomes, groups);
  if (std::any_of(sums.begin(), sums.end(), [](const GroupSum& group) { return group.count > 1; })) {
    Estimate share = bootstrap(sums, options);
    share.low = std::isnan(share.low) ? share.low : std::max(share.low, 0.0);
    share.high = std::isnan(share.high) ? share.high : std::min(share.high, 1.0);
    return share;
  }
  const GroupSum all = total(sums);
  return wilson(all.sum, all.count, options.level);
}

Estimate wilson(double successes, std::int64_t count, double level) {
  if (count == 0) return {};
  const double n = static_cast<double>(count);
  const double p = successes / n;
  const double z = quantile(boost::math::normal(), (1 + level) / 2);
  const double centre = (p + z * z / (2 * n)) / (1 + z * z / n);
  const double half = z * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n);
  return {p, std::max(0.0, centre - half), std::min(1.0, centre + half), count};
}

Estimate paired_difference(std::span<const double> a, std::span<const double> b, std::span<const std::int64_t> groups,
                           const IntervalOptions& options) {
  WESTOFN_CHECK(a.size() == b.size(), "pairs of values");
  std::vector<double> differences(a.size());
  std::transform(a.begin(), a.end(), b.begin(), differences.begin(), std::minus<>());
  const std::vector<GroupSum> sums = sum_groups(differences, groups);
  Estimate difference = bootstrap(sums, options);
  stretch_to_zero(difference, sums, options.level);
  return difference;
}

Verdict verdict(const Estimate& difference) {
  if (difference.low > 0) return Verdict::better;
  if (difference.high < 0) return Verdict::worse;
  return Verdict::no_difference_seen;
}

std::string_view to_text(Verdict verdict) {
  switch (verdict) {
    case Verdict::better: return "better";
    case Verdict::worse: return "worse";
    case Verdict::no_difference_seen: break;
  }
  return "no difference seen";
}

}  // namespace westofn::metrics
