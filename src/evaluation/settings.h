// SPDX-License-Identifier: Apache-2.0
// The `evaluation` section.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "config/types.h"

namespace westofn::evaluation {

struct EvaluationSettings {
  std::int64_t resamples = 2000;
  double level = 0.95;
  std::optional<std::string> reference;
};

template <class V>
void visit_fields(V& v, EvaluationSettings& s) {
  v.optional("resamples", s.resamples, "bootstrap resamples of the groups for each interval");
  v.optional("level", s.level, "share of the resamples that an interval holds");
  v.optional("reference", s.reference, "the reward model that the others are compared with (default: the first)");
  v.check("resamples", s.resamples >= 100 && s.resamples <= 1'000'000, "a number from 100 to 1000000");
  v.check("level", s.level > 0.5 && s.level < 1, "a share above 0.5 and below 1");
}

}  // namespace westofn::evaluation
