// SPDX-License-Identifier: Apache-2.0
#include "metrics/best_of_n.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "metrics/accuracy.h"
#include "metrics/interval.h"
#include "util/error.h"

namespace westofn::metrics {
namespace {

/// Sample numbers by ascending score, equal scores by number; empty if a score is NaN.
std::vector<std::size_t> rank_samples(std::span<const double> scores) {
  if (std::any_of(scores.begin(), scores.end(), [](double score) { return std::isnan(score); })) return {};
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return scores[a] < scores[b]; });
  return order;
}

}  // namespace

std::vector<double> best_of_n_weights(std::int64_t pool_size, std::int64_t n) {
  WESTOFN_CHECK(n >= 1 && n <= pool_size, "Best-of-n draws from 1 to N samples");
  std::vector<double> weights(static_cast<std::size_t>(pool_size), 0.0);
  // From the largest down, C(i-1, n-1) = C(i, n-1) (i-n+1) / i: no factorial, and what underflows counts nothing.
  double weight = static_cast<double>(n) / static_cast<double>(pool_size);
  for (std::int64_t i = pool_size - 1; i >= n - 1; --i) {
    weights[static_cast<std::size_t>(i)] = weight;
    if (i > 0) weight *= static_cast<double>(i - n + 1) / static_cast<double>(i);
  }
  return weights;
}

std::vector<double> best_of_n_curve(std::span<const double> scores, std::span<const double> values) {
  WESTOFN_CHECK(scores.size() == values.size(), "a value for each score");
  std::vector<double> curve(scores.size(), no_value);
  const std::vector<std::size_t> order = rank_samples(scores);
  if (order.empty()) return curve;
  for (std::size_t k = 0; k < curve.size(); ++k) {
    const auto weights = best_of_n_weights(static_cast<std::int64_t>(scores.size()), static_cast<std::int64_t>(k + 1));
    double sum = 0;
    for (std::size_t i = k; i < order.size(); ++i) sum += weights[i] * values[order[i]];
    curve[k] = sum;
  }
  return curve;
}

std::int64_t best_sample(std::span<const double> scores) {
  const std::vector<std::size_t> order = rank_samples(scores);
  return order.empty() ? -1 : static_cast<std::int64_t>(order.back());
}

double best_of_n_kl(std::int64_t n) {
  const auto count = static_cast<double>(n);
  return std::log(count) - (count - 1) / count;
}

std::vector<double> wins_over_pool(std::span<const double> gold) {
  std::vector<double> wins(gold.size(), 0.5);
  if (gold.size() < 2) return wins;
  for (std::size_t i = 0; i < gold.size(); ++i) {
    double sum = -0.5;  // of the sample against itself
    for (const double other : gold) sum += outcome(gold[i], other);
    wins[i] = sum / static_cast<double>(gold.size() - 1);
  }
  return wins;
}

}  // namespace westofn::metrics
