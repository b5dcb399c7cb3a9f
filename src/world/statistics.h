// SPDX-License-Identifier: Apache-2.0
// What the toy world looks like in numbers: for a summary after it was made, and for tests against its specification.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "world/toy_world.h"

namespace westofn::world {

struct MeanAndDeviation {
  double mean = 0;
  double deviation = 0;  ///< sample standard deviation
};

struct ToyWorldStatistics {
  std::int64_t items = 0;                      ///< posts, responses and pairs that each number was taken from
  std::array<MeanAndDeviation, 3> skill_gold;  ///< gold reward by skill, in the order of toy_skills
  MeanAndDeviation post_words;
  std::size_t longest_post = 0;
  MeanAndDeviation response_words;  ///< of the demonstrations
  std::size_t longest_response = 0;
  double label_agreement = 0;      ///< share of labels that agree with gold; equal golds count half
  double confident_agreement = 0;  ///< the same for the pairs whose confidence is above the median
  double longer_preferred = 0;     ///< share of pairs whose longer response is chosen; equal lengths count half
};

/// Measures items 0 .. items-1 of the demonstrations and the test pairs, whatever their counts in the settings.
[[nodiscard]] ToyWorldStatistics measure_toy_world(const ToyWorldSettings& settings, std::int64_t items);

/// A few lines for people: what the files hold and what it looks like.
[[nodiscard]] std::string describe_toy_world(const ToyWorldSettings& settings, const ToyWorldStatistics& statistics);

}  // namespace westofn::world
