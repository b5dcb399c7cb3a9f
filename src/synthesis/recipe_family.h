// SPDX-License-Identifier: Apache-2.0
// An entry of the `recipes` section: one recipe, or one for each of the quantiles that are listed.
#pragma once

#include <optional>
#include <string>

#include "config/types.h"
#include "synthesis/recipe_settings.h"

namespace westofn::synthesis {

/// Recipes that differ in what their filters drop and in nothing else, so that they share their matches.
struct RecipeFamily {
  RecipeSettings settings;                    ///< but for the two quantiles, which stand below
  config::OneOrMore<double> confidence{{0}};  ///< of FilterSettings
  config::OneOrMore<double> likelihood{{0}};
  std::optional<std::string> teacher;  ///< folder of the reward model for the rule `pointwise`
};

/// Whether the list has an entry, and every entry is a share and stands there once.
[[nodiscard]] bool are_quantiles(const config::OneOrMore<double>& list);

/// The recipes of a family: a single one keeps its name; of several each is called by what it has of the lists, as
/// "NAME@confidence=0.25", "NAME@likelihood=0.1" or "NAME@confidence=0.25,likelihood=0.1", in the order of the lists.
[[nodiscard]] config::Named<RecipeSettings> expand(const std::string& name, const RecipeFamily& family);

template <class V>
void visit_fields(V& v, RecipeFamily& s) {
  visit_fields(v, s.settings.matches);
  v.optional("teacher", s.teacher, "with the rule pointwise: folder of the reward model whose scores decide");
  v.optional(
      "confidence", s.confidence,
      "drop this share of the pairs, those of lowest confidence; of a list each makes a recipe of its own, and a "
      "reward model is trained on each and is the one of highest validation accuracy");
  v.optional("likelihood", s.likelihood,
             "drop this share of the pairs, those of lowest likelihood; or a list likewise");
  visit_likelihood_fields(v, s.settings.filters);
  visit_mixture_fields(v, s.settings);
  v.check("teacher", s.teacher.has_value() == (s.settings.matches.rule == selection::Rule::pointwise),
          "the folder of a reward model if the rule is pointwise, and none with any other rule");
  constexpr const char* expected = "a number from 0 to below 1, or a list of different ones";
  v.check("confidence", are_quantiles(s.confidence), expected);
  v.check("likelihood", are_quantiles(s.likelihood), expected);
}

}  // namespace westofn::synthesis
