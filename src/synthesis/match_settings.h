// SPDX-License-Identifier: Apache-2.0
// What decides which matches are played: the rule, the size of the pool, and whether each pair is asked in both orders.
#pragma once

#include <array>
#include <cstdint>

#include "config/types.h"
#include "selection/rules.h"

namespace westofn::synthesis {

/// In which order a pair of responses is shown to the preference model.
enum class Orders {
  both,  ///< a, b and b, a; P(a > b) is their average
  one,   ///< one of them, drawn by hash: half the cost, and the bias of the order stays in
};

struct MatchSettings {
  selection::Rule rule = selection::Rule::tournament;
  std::int64_t n = 64;  ///< the first n samples of each pool
  Orders orders = Orders::both;
};

template <class V>
void visit_fields(V& v, MatchSettings& s) {
  v.optional("rule", s.rule,
             "how pairs are taken out of pools: the preference model decides; pointwise: the scores of the reward "
             "model `teacher`");
  v.optional("n", s.n, "the first n responses of each pool");
  v.optional("orders", s.orders, "both: each pair is asked in both orders; one: in one, drawn by hash");
  v.check("n", s.n >= 2 && s.n <= 65536, "a number from 2 to 65536");
}

}  // namespace westofn::synthesis

template <>
struct westofn::config::EnumNames<westofn::synthesis::Orders> {
  using E = westofn::synthesis::Orders;
  static constexpr std::array table = {EnumName<E>{E::both, "both"}, EnumName<E>{E::one, "one"}};
};
