// SPDX-License-Identifier: Apache-2.0
#include "dataset/batch_order.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "util/error.h"
#include "util/philox.h"

namespace westofn::dataset {
namespace {

/// 0 .. size-1 in the order of an epoch or window.
std::vector<std::int64_t> shuffled(std::int64_t size, const ShuffleSeed& seed, std::int64_t number) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(size));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  RandomSequence random(Philox(seed.purpose, seed.seed, 0, std::to_string(number)));
  random.shuffle(order);
  return order;
}

/// The examples of all batches of a window, in their order.
std::vector<std::int64_t> examples_of_window(const BatchOfStep& base, std::int64_t number, std::int64_t window) {
  std::vector<std::int64_t> examples;
  for (std::int64_t i = 0; i < window; ++i) {
    const std::vector<std::int64_t> batch = base(number * window + i);
    examples.insert(examples.end(), batch.begin(), batch.end());
  }
  return examples;
}

}  // namespace

BatchOfStep shuffled_epochs(std::int64_t size, std::int64_t batch, const ShuffleSeed& seed) {
  WESTOFN_CHECK(size > 0 && batch > 0, "batches need examples");
  // The last order is kept because a shuffle takes as long as all batches of its epoch together.
  return [=, epoch = std::int64_t{-1}, order = std::vector<std::int64_t>()](std::int64_t step) mutable {
    std::vector<std::int64_t> indices;
    indices.reserve(static_cast<std::size_t>(batch));
    for (std::int64_t position = step * batch; position < (step + 1) * batch; ++position) {
      if (position / size != epoch) {
        epoch = position / size;
        order = shuffled(size, seed, epoch);
      }
      indices.push_back(order[static_cast<std::size_t>(position % size)]);
    }
    return indices;
  };
}

BatchOfStep cycled(std::vector<std::int64_t> order, std::int64_t batch) {
  WESTOFN_CHECK(!order.empty() && batch > 0, "batches need examples");
  return [order = std::move(order), batch](std::int64_t step) {
    std::vector<std::int64_t> indices;
    indices.reserve(static_cast<std::size_t>(batch));
    for (std::int64_t position = step * batch; position < (step + 1) * batch; ++position) {
      indices.push_back(order[static_cast<std::size_t>(position) % order.size()]);
    }
    return indices;
  };
}

BatchOfStep sorted_in_windows(BatchOfStep base, std::vector<std::int64_t> lengths, std::int64_t window,
                              const ShuffleSeed& seed) {
  WESTOFN_CHECK(window > 0, "a window holds at least one batch");
  if (window == 1) return base;
  // The last window is kept, since all its batches ask for it.
  return [=, base = std::move(base), lengths = std::move(lengths), current = std::int64_t{-1},
          examples = std::vector<std::int64_t>(), places = std::vector<std::int64_t>()](std::int64_t step) mutable {
    if (const std::int64_t number = step / window; number != current) {
      current = number;
      examples = examples_of_window(base, number, window);
      std::stable_sort(examples.begin(), examples.end(), [&](std::int64_t a, std::int64_t b) {
        return lengths[static_cast<std::size_t>(a)] < lengths[static_cast<std::size_t>(b)];
      });
      // Without this shuffle every window would go from short to long.
      places = shuffled(window, seed, number);
    }
    const std::int64_t place = places[static_cast<std::size_t>(step % window)];
    const auto batch = static_cast<std::ptrdiff_t>(examples.size()) / window;
    return std::vector<std::int64_t>(examples.begin() + place * batch, examples.begin() + (place + 1) * batch);
  };
}

}  // namespace westofn::dataset
