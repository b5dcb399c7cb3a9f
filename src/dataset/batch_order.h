// SPDX-License-Identifier: Apache-2.0
// Which examples a training step uses: a function of the step alone, so that a resumed job needs no state for it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace westofn::dataset {

/// Indices of the examples of a step, from 0. Equal for equal steps; not for use by several threads.
using BatchOfStep = std::function<std::vector<std::int64_t>(std::int64_t step)>;

/// What a shuffle depends on.
struct ShuffleSeed {
  std::string purpose;
  std::uint64_t seed = 1;
};

/// All of 0 .. size-1 once in every epoch, each epoch shuffled anew; a batch may reach into the next epoch.
[[nodiscard]] BatchOfStep shuffled_epochs(std::int64_t size, std::int64_t batch, const ShuffleSeed& seed);

/// The given indices in their order, again and again.
[[nodiscard]] BatchOfStep cycled(std::vector<std::int64_t> order, std::int64_t batch);

/// Batches of similar lengths: each run of `window` batches of `base` is sorted by `lengths` (of all examples), cut
/// into batches anew, and these are shuffled. A run holds the same examples as before; a window of 1 changes nothing.
[[nodiscard]] BatchOfStep sorted_in_windows(BatchOfStep base, std::vector<std::int64_t> lengths, std::int64_t window,
                                            const ShuffleSeed& seed);

}  // namespace westofn::dataset
