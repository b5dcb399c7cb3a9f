// SPDX-License-Identifier: Apache-2.0
// The names of the human sets in experiment files.
#pragma once

#include <array>

#include "config/types.h"
#include "record/records.h"

namespace westofn::config {

template <>
struct EnumNames<HumanSet> {
  using E = HumanSet;
  static constexpr std::array table = {EnumName<E>{E::hf50, "hf50"}, EnumName<E>{E::hf100, "hf100"},
                                       EnumName<E>{E::none, "none"}};
};

}  // namespace westofn::config
