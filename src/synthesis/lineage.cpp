// SPDX-License-Identifier: Apache-2.0
#include "synthesis/lineage.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>

namespace westofn::synthesis {
namespace {

constexpr std::string_view prefix = "recipe-";
constexpr std::size_t key_suffix = 9;  // "-3fa9c1d2"

std::string first_input_besides(const io::Manifest& stage, std::initializer_list<std::string_view> others) {
  for (const auto& input : stage.inputs) {
    if (std::ranges::find(others, input.name) == others.end()) return input.key;
  }
  return "";
}

}  // namespace

io::MixtureLineage common_lineage(const std::string& folder_name, const io::Manifest& pools,
                                  const io::Manifest& matches) {
  io::MixtureLineage lineage;
  lineage.recipe = folder_name;
  if (lineage.recipe.starts_with(prefix)) lineage.recipe.erase(0, prefix.size());
  if (lineage.recipe.size() > key_suffix) lineage.recipe.resize(lineage.recipe.size() - key_suffix);
  lineage.policy = first_input_besides(pools, {"prepare"});
  lineage.preference_model = first_input_besides(matches, {"pools", "matches"});
  return lineage;
}

}  // namespace westofn::synthesis
