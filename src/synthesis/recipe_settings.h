// SPDX-License-Identifier: Apache-2.0
// A recipe: what turns pools into pairs, and pairs into the mixture that a reward model is trained on.
#pragma once

#include <cstdint>

#include "config/types.h"
#include "dataset/human_set.h"
#include "record/records.h"
#include "selection/filters.h"
#include "selection/mixture.h"
#include "synthesis/match_settings.h"

namespace westofn::synthesis {

struct RecipeSettings {
  MatchSettings matches;
  selection::FilterSettings filters;
  HumanSet human = HumanSet::hf50;
  selection::MixtureSettings mixture;
};

/// The human pairs and how they are mixed with the synthetic ones.
template <class V>
void visit_mixture_fields(V& v, RecipeSettings& s) {
  v.optional("human", s.human, "human pairs of the mixture: hf50 (the labelled half), hf100 (all) or none");
  v.optional(
      "mixture", s.mixture.rule,
      "where human or synthetic pairs are too few for `ratio`: cycle (use them again) or truncate (cut the others)");
  v.optional("ratio", s.mixture.ratio,
             "synthetic pairs for each human pair in the mixture, spread evenly: 0.5, 1, 2, ...");
  v.check("ratio", s.mixture.ratio >= 0.01 && s.mixture.ratio <= 100, "a number from 0.01 to 100");
}

template <class V>
void visit_fields(V& v, RecipeSettings& s) {
  visit_fields(v, s.matches);
  visit_fields(v, s.filters);
  visit_mixture_fields(v, s);
}

}  // namespace westofn::synthesis
