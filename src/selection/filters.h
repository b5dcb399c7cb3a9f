// SPDX-License-Identifier: Apache-2.0
// The filters of a recipe: which pairs are sure enough and likely enough.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "config/types.h"
#include "record/records.h"
#include "selection/quantile_counts.h"

namespace westofn::selection {

/// What must be likely.
enum class LikelihoodMode : std::uint8_t {
  each,   ///< chosen and rejected, each at or above the quantile of its kind
  joint,  ///< the sum of both
};

/// What a likelihood is.
enum class LikelihoodUnit : std::uint8_t {
  sum,        ///< log-likelihood of the response
  per_token,  ///< divided by its tokens
};

/// Quantiles below which pairs are dropped; 0 drops none.
struct FilterSettings {
  double confidence = 0;
  double likelihood = 0;
  LikelihoodMode likelihood_mode = LikelihoodMode::each;
  LikelihoodUnit likelihood_unit = LikelihoodUnit::sum;
};

/// What likelihood is meant, without how much is dropped.
template <class V>
void visit_likelihood_fields(V& v, FilterSettings& s) {
  v.optional("likelihood_mode", s.likelihood_mode,
             "each (chosen and rejected each above the quantile of their kind) or joint (the sum of both)");
  v.optional("likelihood_unit", s.likelihood_unit, "sum (over the tokens of a response) or per-token");
}

template <class V>
void visit_fields(V& v, FilterSettings& s) {
  v.optional("confidence", s.confidence, "drop this share of the pairs, those of lowest confidence");
  v.optional("likelihood", s.likelihood, "drop this share of the pairs, those of lowest likelihood");
  visit_likelihood_fields(v, s);
  v.check("confidence", s.confidence >= 0 && s.confidence < 1, "a number from 0 to below 1");
  v.check("likelihood", s.likelihood >= 0 && s.likelihood < 1, "a number from 0 to below 1");
}

/// One filter: what it looks at, how much it drops, and what is said of those that it drops.
struct Filter {
  PairOutcome reason = PairOutcome::confidence;  ///< confidence, chosen, rejected or joint
  double q = 0;
};

/// The filters in the order in which reasons are given.
[[nodiscard]] std::vector<Filter> list_filters(const FilterSettings& settings);

/// What a filter looks at: confidence, or a log-likelihood in nats (a token).
[[nodiscard]] double filter_value(const SyntheticPair& pair, PairOutcome reason, LikelihoodUnit unit);

}  // namespace westofn::selection

template <>
struct westofn::config::EnumNames<westofn::selection::LikelihoodMode> {
  using E = westofn::selection::LikelihoodMode;
  static constexpr std::array table = {EnumName<E>{E::each, "each"}, EnumName<E>{E::joint, "joint"}};
};

template <>
struct westofn::config::EnumNames<westofn::selection::LikelihoodUnit> {
  using E = westofn::selection::LikelihoodUnit;
  static constexpr std::array table = {EnumName<E>{E::sum, "sum"}, EnumName<E>{E::per_token, "per-token"}};
};
