// SPDX-License-Identifier: Apache-2.0
// The gold reward of the toy world: what its people really like. Used to simulate labels and to evaluate, never to
// train.
#pragma once

#include <span>
#include <string_view>

#include "world/toy_post.h"

namespace westofn::world {

/// The gold reward of a response to a post in hundredths: whole numbers, so that equal rewards are equal.
[[nodiscard]] int gold_hundredths(std::span<const ToyFact> facts, std::string_view response);

/// The gold reward of a response to a post with these facts.
[[nodiscard]] double gold(std::span<const ToyFact> facts, std::string_view response);

/// The gold reward from the texts alone. Throws DataError if the post is none of the toy world.
[[nodiscard]] double gold(std::string_view post_text, std::string_view response);

}  // namespace westofn::world
