// SPDX-License-Identifier: Apache-2.0
// Best-of-n from one pool of N samples: what the best of n by a model's score is worth, for every n at once.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace westofn::metrics {

/// The probabilities C(i, n-1) / C(N, n) that the sample of rank i (from 0, ascending) is the best of n that are drawn
/// from N without replacement; they add up to 1. Accurate for any N; 1 <= n <= N.
[[nodiscard]] std::vector<double> best_of_n_weights(std::int64_t pool_size, std::int64_t n);

/// For n = 1..N the expected `values` of the sample with the highest of n `scores`: the unbiased estimator over all
/// subsets. Equal scores rank by number. All NaN if a score is NaN.
[[nodiscard]] std::vector<double> best_of_n_curve(std::span<const double> scores, std::span<const double> values);

/// The number of the sample with the highest score, the last one of equals as in best_of_n_curve; -1 if a score is NaN.
[[nodiscard]] std::int64_t best_sample(std::span<const double> scores);

/// KL divergence, in nats, of Best-of-n from the policy: ln n - (n - 1) / n, an upper bound.
[[nodiscard]] double best_of_n_kl(std::int64_t n);

/// For every sample of a pool the share of the others that it beats by gold; ties count half.
[[nodiscard]] std::vector<double> wins_over_pool(std::span<const double> gold);

}  // namespace westofn::metrics
