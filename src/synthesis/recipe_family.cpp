// SPDX-License-Identifier: Apache-2.0
#include "synthesis/recipe_family.h"

#include <algorithm>
#include <set>
#include <vector>

#include "config/scalar.h"
#include "util/text.h"

namespace westofn::synthesis {

bool are_quantiles(const config::OneOrMore<double>& list) {
  const std::set<double> different(list.values.begin(), list.values.end());
  return !list.values.empty() && different.size() == list.values.size() &&
         std::ranges::all_of(list.values, [](double q) { return q >= 0 && q < 1; });
}

config::Named<RecipeSettings> expand(const std::string& name, const RecipeFamily& family) {
  config::Named<RecipeSettings> recipes;
  for (const double confidence : family.confidence.values) {
    for (const double likelihood : family.likelihood.values) {
      RecipeSettings settings = family.settings;
      settings.filters.confidence = confidence;
      settings.filters.likelihood = likelihood;
      std::vector<std::string> parts;
      if (family.confidence.values.size() > 1) parts.push_back("confidence=" + config::make_scalar(confidence).text);
      if (family.likelihood.values.size() > 1) parts.push_back("likelihood=" + config::make_scalar(likelihood).text);
      recipes.emplace_back(parts.empty() ? name : name + "@" + join_text(parts, ","), settings);
    }
  }
  return recipes;
}

}  // namespace westofn::synthesis
