// SPDX-License-Identifier: Apache-2.0
// How well scores agree with human pairs: outcomes, the high-confidence half, calibration, dependence on length.
//
// Everywhere a NaN score says that the response could not be scored (too long): its pair is left out.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "metrics/interval.h"

namespace westofn::metrics {

/// 1 if the chosen response has the higher score, 0.5 on a tie, 0 otherwise; NaN without a score.
[[nodiscard]] double outcome(double score_chosen, double score_rejected);

/// The outcome of every pair.
[[nodiscard]] std::vector<double> outcomes(std::span<const double> chosen, std::span<const double> rejected);

/// Which human confidences lie strictly above the median of those that are given; NaN: not given. All false if none is.
[[nodiscard]] std::vector<bool> high_confidence(std::span<const double> confidences);

/// The values where `keep` is true, NaN elsewhere.
[[nodiscard]] std::vector<double> only(std::span<const double> values, const std::vector<bool>& keep);

/// P(chosen > rejected) of two raw rewards: sigmoid of their difference.
[[nodiscard]] double preference_probability(double score_chosen, double score_rejected);

inline constexpr std::size_t calibration_bins = 10;

/// Does a model know how sure it is? Its confidence in a pair is max(p, 1 - p) with p = P(chosen > rejected), its
/// outcome 1, 0.5 or 0 as for accuracy. Ten bins of equal width over [0.5, 1].
struct Calibration {
  std::array<std::int64_t, calibration_bins> count{};
  std::array<double, calibration_bins> confidence{};  ///< mean of the bin; NaN if it is empty
  std::array<double, calibration_bins> accuracy{};    ///< mean outcome of the bin; NaN if it is empty
  double expected_error = no_value;                   ///< sum over bins of count / all x |accuracy - confidence|
  double brier = no_value;                            ///< mean of (1 - p)^2
};

/// From the probability of the human label of every pair.
[[nodiscard]] Calibration calibrate(std::span<const double> probability_chosen);

inline constexpr std::array<std::string_view, 5> length_classes = {"much shorter", "shorter", "equal", "longer",
                                                                   "much longer"};

/// Which of length_classes the chosen response belongs to, from words of chosen minus words of rejected; "much" is
/// above the median of the lengths that differ.
[[nodiscard]] std::vector<std::size_t> classify_lengths(std::span<const std::int64_t> differences);

/// Words of a text: what stands between white space.
[[nodiscard]] std::int64_t count_words(std::string_view text);

}  // namespace westofn::metrics
