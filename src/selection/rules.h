// SPDX-License-Identifier: Apache-2.0
// The rules that choose the best and the worst response of a pool, as experiments name them.
#pragma once

#include <array>
#include <cstdint>

#include "config/types.h"

namespace westofn::selection {

/// How a pair is taken out of a pool.
enum class Rule : std::uint8_t {
  tournament,     ///< best and worst by knock-out in two brackets (West-of-N)
  exact,          ///< the ordered pair with the highest P; every two responses meet
  self_training,  ///< samples 0 and 1, labelled by P
  best_random,    ///< the best of the tournament against a random other response
  random,         ///< two random responses, labelled by a coin
  pointwise,      ///< highest and lowest score of a pointwise reward model; nobody plays
};

}  // namespace westofn::selection

template <>
struct westofn::config::EnumNames<westofn::selection::Rule> {
  using E = westofn::selection::Rule;
  static constexpr std::array table = {EnumName<E>{E::tournament, "tournament"},
                                       EnumName<E>{E::exact, "exact"},
                                       EnumName<E>{E::self_training, "self-training"},
                                       EnumName<E>{E::best_random, "best-random"},
                                       EnumName<E>{E::random, "random"},
                                       EnumName<E>{E::pointwise, "pointwise"}};
};
