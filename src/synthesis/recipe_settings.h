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
  selection::MixtureRule mixture = selection::MixtureRule::cycle;
};

template <class V>
void visit_fields(V& v, RecipeSettings& s) {
  visit_fields(v, s.matches);
  visit_fields(v, s.filters);
  v.optional("human", s.human, "human pairs of the mixture: hf50 (the labelled half), hf100 (all) or none");
  v.optional("mixture", s.mixture,
             "where human or synthetic pairs are fewer: cycle (use them again) or truncate (cut the others)");
}

}  // namespace westofn::synthesis
