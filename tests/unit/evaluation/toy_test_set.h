// SPDX-License-Identifier: Apache-2.0
// A small test set of the toy world, for tests of the evaluation.
#pragma once

#include "evaluation/test_set.h"
#include "world/toy_world.h"

namespace westofn::evaluation {

/// Pairs of the test part, and pools of n + 1 responses of simulated people.
inline TestSet toy_test_set(std::int64_t pairs, std::int64_t pools, std::int64_t n) {
  world::ToyWorldSettings settings;
  TestSet test;
  test.n = n;
  for (std::int64_t i = 0; i < pairs; ++i) {
    test.pairs.push_back(world::make_pair(settings, world::ToyPart::test, i));
    test.pairs.back().split = Split::test;
  }
  for (std::int64_t i = 0; i < pools; ++i) {
    Pool pool{i, world::make_prompt(settings, world::ToyPart::test_prompts, i), {}};
    pool.prompt.set = PromptSet::test;
    const world::ToyPost post{pool.prompt.text, world::parse_post(pool.prompt.text)};
    RandomSequence random(Philox("samples", 1, 0, pool.prompt.id));
    for (std::int32_t k = 0; k <= n; ++k) {
      const auto skill = world::toy_skills[static_cast<std::size_t>(k) % world::toy_skills.size()];
      pool.samples.push_back({k, {5, 1}, world::demonstrate(random, post, skill), -1.5, true});
    }
    test.pools.push_back(std::move(pool));
  }
  return test;
}

}  // namespace westofn::evaluation
