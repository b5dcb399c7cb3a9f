// SPDX-License-Identifier: Apache-2.0
#include "metrics/accuracy.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "util/error.h"

namespace westofn::metrics {
namespace {

/// The middle value, or the mean of the two middle ones. At least one value.
double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

}  // namespace

double outcome(double score_chosen, double score_rejected) {
  if (std::isnan(score_chosen) || std::isnan(score_rejected)) return no_value;
  if (score_chosen == score_rejected) return 0.5;
  return score_chosen > score_rejected ? 1 : 0;
}

std::vector<double> outcomes(std::span<const double> chosen, std::span<const double> rejected) {
  WESTOFN_CHECK(chosen.size() == rejected.size(), "two scores for each pair");
  std::vector<double> values(chosen.size());
  std::transform(chosen.begin(), chosen.end(), rejected.begin(), values.begin(), outcome);
  return values;
}

std::vector<bool> high_confidence(std::span<const double> confidences) {
  std::vector<double> given;
  std::copy_if(confidences.begin(), confidences.end(), std::back_inserter(given),
               [](double value) { return !std::isnan(value); });
  std::vector<bool> high(confidences.size(), false);
  if (given.empty()) return high;
  const double middle = median(std::move(given));
  for (std::size_t i = 0; i < high.size(); ++i) high[i] = confidences[i] > middle;
  return high;
}

std::vector<double> only(std::span<const double> values, const std::vector<bool>& keep) {
  std::vector<double> kept(values.size(), no_value);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (keep[i]) kept[i] = values[i];
  }
  return kept;
}

double preference_probability(double score_chosen, double score_rejected) {
  return 1 / (1 + std::exp(score_rejected - score_chosen));
}

Calibration calibrate(std::span<const double> probability_chosen) {
  Calibration result;
  double squares = 0;
  std::int64_t all = 0;
  for (const double p : probability_chosen) {
    if (std::isnan(p)) continue;
    const double confidence = std::max(p, 1 - p);
    const auto bin =
        std::min(static_cast<std::size_t>((confidence - 0.5) * 2 * calibration_bins), calibration_bins - 1);
    ++result.count[bin];
    result.confidence[bin] += confidence;
    result.accuracy[bin] += outcome(p, 0.5);
    squares += (1 - p) * (1 - p);
    ++all;
  }
  double error = 0;
  for (std::size_t bin = 0; bin < calibration_bins; ++bin) {
    const auto count = static_cast<double>(result.count[bin]);
    error += std::abs(result.accuracy[bin] - result.confidence[bin]);
    result.confidence[bin] /= count;  // 0 / 0 is NaN: an empty bin
    result.accuracy[bin] /= count;
  }
  if (all > 0) {
    result.expected_error = error / static_cast<double>(all);
    result.brier = squares / static_cast<double>(all);
  }
  return result;
}

std::vector<std::size_t> classify_lengths(std::span<const std::int64_t> differences) {
  std::vector<double> sizes;
  for (const auto difference : differences) {
    if (difference != 0) sizes.push_back(static_cast<double>(std::abs(difference)));
  }
  const double much = sizes.empty() ? 0 : median(std::move(sizes));
  std::vector<std::size_t> classes;
  classes.reserve(differences.size());
  for (const auto difference : differences) {
    const bool is_much = static_cast<double>(std::abs(difference)) > much;
    if (difference == 0) {
      classes.push_back(2);
    } else if (difference < 0) {
      classes.push_back(is_much ? 0 : 1);
    } else {
      classes.push_back(is_much ? 4 : 3);
    }
  }
  return classes;
}

std::int64_t count_words(std::string_view text) {
  constexpr std::string_view blanks = " \t\n\r\f\v";
  std::int64_t words = 0;
  for (auto begin = text.find_first_not_of(blanks); begin != std::string_view::npos;
       begin = text.find_first_not_of(blanks, text.find_first_of(blanks, begin))) {
    ++words;
  }
  return words;
}

}  // namespace westofn::metrics
