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

struct MixtureSettings {
  MixtureRule rule = MixtureRule::cycle;
  double ratio = 1;  ///< synthetic pairs for each human pair; positive
};

/// How many rows of each source a mixture has.
struct MixtureSizes {
  std::int64_t humans = 0;
  std::int64_t synthetics = 0;
};

/// The rows that the mixture of so many pairs has: with `cycle` the source that lasts longer is used once, with
/// `truncate` the one that is used up first.
[[nodiscard]] MixtureSizes mixture_sizes(const MixtureSizes& pairs, const MixtureSettings& settings);

/// The mixture of `humans` human and `synthetics` synthetic pairs. Behind the h-th human row stand floor(ratio h)
/// synthetic ones, so that they are spread evenly: at 1 human, synthetic, human, ...; every stretch of rows has its
/// share of either to within one row. Each source comes in its own seeded shuffle, and in another one each time that it
/// is used again. If one source is empty the mixture is the other one, shuffled, once.
[[nodiscard]] std::vector<MixtureRow> mix(const MixtureSizes& pairs, const MixtureSettings& settings,
                                          std::uint64_t seed);

}  // namespace westofn::selection

template <>
struct westofn::config::EnumNames<westofn::selection::MixtureRule> {
  using E = westofn::selection::MixtureRule;
  static constexpr std::array table = {EnumName<E>{E::cycle, "cycle"}, EnumName<E>{E::truncate, "truncate"}};
};
