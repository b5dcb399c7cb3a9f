// SPDX-License-Identifier: Apache-2.0
#include "metrics/interval.h"

#include <algorithm>
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

Estimate bootstrap(const std::vector<GroupSum>& groups, const IntervalOptions& options) {
  const GroupSum all = total(groups);
  if (all.count == 0) return {};
  Estimate estimate{all.sum / static_cast<double>(all.count), no_value, no_value, all.count};
  if (groups.size() < 2) return estimate;
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
  estimate.low = sorted_quantile(means, (1 - options.level) / 2);
  estimate.high = sorted_quantile(means, (1 + options.level) / 2);
  return estimate;
}

/// The z with this share of a normal distribution between -z and z.
double normal_bound(double level) {
  double low = 0;
  double high = 40;
  for (int i = 0; i < 200; ++i) {
    const double middle = (low + high) / 2;
    (std::erf(middle / std::sqrt(2.0)) < level ? low : high) = middle;
  }
  return low;
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
    return bootstrap(sums, options);
  }
  const GroupSum all = total(sums);
  return wilson(all.sum, all.count, options.level);
}

Estimate wilson(double successes, std::int64_t count, double level) {
  if (count == 0) return {};
  const double n = static_cast<double>(count);
  const double p = successes / n;
  const double z = normal_bound(level);
  const double centre = (p + z * z / (2 * n)) / (1 + z * z / n);
  const double half = z * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n);
  return {p, std::max(0.0, centre - half), std::min(1.0, centre + half), count};
}

Estimate paired_difference(std::span<const double> a, std::span<const double> b, std::span<const std::int64_t> groups,
                           const IntervalOptions& options) {
  WESTOFN_CHECK(a.size() == b.size(), "pairs of values");
  std::vector<double> differences(a.size());
  std::transform(a.begin(), a.end(), b.begin(), differences.begin(), std::minus<>());
  return grouped_mean(differences, groups, options);
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
