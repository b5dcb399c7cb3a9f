// SPDX-License-Identifier: Apache-2.0
// Responses of the toy world: summaries such as "help : roof collapsed and dog howled . thanks ."
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "util/philox.h"
#include "world/toy_post.h"

namespace westofn::world {

/// How well a simulated person summarises.
enum class ToySkill { novice, average, expert };

inline constexpr std::array<ToySkill, 3> toy_skills = {ToySkill::novice, ToySkill::average, ToySkill::expert};
[[nodiscard]] std::string_view skill_name(ToySkill skill);

/// Draws a response to the post by a person of this skill.
[[nodiscard]] std::string demonstrate(RandomSequence& random, const ToyPost& post, ToySkill skill);

/// A noun and an event as a response says them; right or not.
struct ToyMention {
  std::string_view noun;
  std::string_view event;
  bool operator==(const ToyMention&) const = default;
};

/// What is in a response. The views of the mentions live as long as the text that was parsed.
struct ToyResponse {
  std::vector<ToyMention> mentions;
  int opener_value = 0;  ///< hundredths; 0 without an opener
  int closer_value = 0;
  bool well_formed = true;  ///< "[OPENER] noun event {and noun event} . [CLOSER]"
  std::size_t words = 0;    ///< of the whole text; equal to its tokens without the end token
};

/// Takes from any text what parses.
[[nodiscard]] ToyResponse parse_response(std::string_view text);

}  // namespace westofn::world
