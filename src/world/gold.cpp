// SPDX-License-Identifier: Apache-2.0
#include "world/gold.h"

#include <algorithm>
#include <array>

#include "world/toy_response.h"

namespace westofn::world {
namespace {

// All in hundredths.
constexpr std::array<int, 3> value_by_importance = {-30, 40, 100};
constexpr int wrong_value = -120;
constexpr int repeated_value = -60;
constexpr int malformed_value = -100;
constexpr int extra_word_value = -12;
constexpr int free_words = 12;

int mention_value(std::span<const ToyFact> facts, const ToyMention& mention) {
  const auto is_told = [&](const ToyFact& fact) { return fact.noun == mention.noun && fact.event == mention.event; };
  const auto fact = std::find_if(facts.begin(), facts.end(), is_told);
  return fact == facts.end() ? wrong_value : value_by_importance[static_cast<std::size_t>(fact->importance)];
}

}  // namespace

int gold_hundredths(std::span<const ToyFact> facts, std::string_view response_text) {
  const ToyResponse response = parse_response(response_text);
  int sum = response.opener_value + response.closer_value;
  for (auto mention = response.mentions.begin(); mention != response.mentions.end(); ++mention) {
    const auto same_noun = [&](const ToyMention& earlier) { return earlier.noun == mention->noun; };
    const bool is_repeated = std::any_of(response.mentions.begin(), mention, same_noun);
    sum += is_repeated ? repeated_value : mention_value(facts, *mention);
  }
  if (!response.well_formed) sum += malformed_value;
  sum += extra_word_value * std::max(0, static_cast<int>(response.words) - free_words);
  return sum;
}

double gold(std::span<const ToyFact> facts, std::string_view response) {
  return gold_hundredths(facts, response) / 100.0;
}

double gold(std::string_view post_text, std::string_view response) { return gold(parse_post(post_text), response); }

}  // namespace westofn::world
