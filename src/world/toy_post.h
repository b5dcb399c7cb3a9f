// SPDX-License-Identifier: Apache-2.0
// Posts of the toy world: a few facts of different importance between a greeting and a question. They are the prompts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "util/philox.h"
#include "world/toy_words.h"

namespace westofn::world {

/// "my roof collapsed", and how much it matters. The words live in the tables of toy_words.h.
struct ToyFact {
  std::string_view noun;
  std::string_view event;
  int importance = 0;
  bool operator==(const ToyFact&) const = default;
};

struct ToyPost {
  std::string text;
  std::vector<ToyFact> facts;
};

/// Draws a post: 4 to 6 facts about different nouns, at least one of importance 2 and one of importance 0.
[[nodiscard]] ToyPost make_post(RandomSequence& random);

/// The facts that a post tells, in order. Throws DataError if the text is no post of the toy world.
[[nodiscard]] std::vector<ToyFact> parse_post(std::string_view text);

/// The words of a text: what stands between blanks, tabs and line breaks.
[[nodiscard]] std::vector<std::string_view> split_words(std::string_view text);

/// The noun with this name, or nullptr.
[[nodiscard]] const ToyNoun* find_noun(std::string_view word);

}  // namespace westofn::world
