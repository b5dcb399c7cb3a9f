// SPDX-License-Identifier: Apache-2.0
// The order in which a reward model sees human and synthetic pairs.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "config/types.h"
#include "record/records.h"

namespace westofn::selection {

/// What happens where one source has fewer pairs than the other.
enum class MixtureRule : std::uint8_t {
  cycle,     ///< the smaller one is used again, in another order
  truncate,  ///< the larger one is cut
};

/// The mixture of `humans` human and `synthetics` synthetic pairs: human, synthetic, human, ... Each source comes in
/// its own seeded shuffle, and in another one each time that it is used again. If one source is empty the mixture is
/// the other one, shuffled, once.
[[nodiscard]] std::vector<MixtureRow> mix(std::int64_t humans, std::int64_t synthetics, MixtureRule rule,
                                          std::uint64_t seed);

}  // namespace westofn::selection

template <>
struct westofn::config::EnumNames<westofn::selection::MixtureRule> {
  using E = westofn::selection::MixtureRule;
  static constexpr std::array table = {EnumName<E>{E::cycle, "cycle"}, EnumName<E>{E::truncate, "truncate"}};
};
