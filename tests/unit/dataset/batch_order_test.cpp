// SPDX-License-Identifier: Apache-2.0
#include "dataset/batch_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace westofn::dataset {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::UnorderedElementsAreArray;
using Indices = std::vector<std::int64_t>;

const ShuffleSeed seed{"test", 7};

/// The batches of steps `from` to `to` - 1, one after the other.
Indices steps(const BatchOfStep& batches, std::int64_t from, std::int64_t to) {
  Indices all;
  for (std::int64_t step = from; step < to; ++step) {
    const Indices batch = batches(step);
    all.insert(all.end(), batch.begin(), batch.end());
  }
  return all;
}

Indices part(const Indices& all, std::ptrdiff_t from, std::ptrdiff_t to) {
  return {all.begin() + from, all.begin() + to};
}

Indices numbers(std::int64_t count) {
  Indices all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

TEST(ShuffledEpochs, ShowEveryExampleOnceAnEpoch) {
  const Indices all = steps(shuffled_epochs(10, 4, seed), 0, 15);
  for (std::ptrdiff_t epoch = 0; epoch < 6; ++epoch) {
    EXPECT_THAT(part(all, 10 * epoch, 10 * epoch + 10), UnorderedElementsAreArray(numbers(10)));
  }
}

TEST(ShuffledEpochs, ShuffleEveryEpochAnew) {
  const Indices all = steps(shuffled_epochs(50, 10, seed), 0, 15);
  EXPECT_NE(part(all, 0, 50), numbers(50));
  EXPECT_NE(part(all, 0, 50), part(all, 50, 100));
  EXPECT_NE(part(all, 50, 100), part(all, 100, 150));
}

TEST(ShuffledEpochs, DependOnTheStepAloneNotOnWhatWasAskedBefore) {
  const Indices in_order = steps(shuffled_epochs(10, 4, seed), 0, 15);
  const BatchOfStep backwards = shuffled_epochs(10, 4, seed);
  for (std::int64_t step = 14; step >= 0; --step) {
    EXPECT_EQ(backwards(step), part(in_order, step * 4, step * 4 + 4)) << step;
    EXPECT_EQ(backwards(step), backwards(step));
  }
}

TEST(ShuffledEpochs, DependOnSeedAndPurpose) {
  const Indices one = steps(shuffled_epochs(50, 10, seed), 0, 5);
  EXPECT_NE(steps(shuffled_epochs(50, 10, {"test", 8}), 0, 5), one);
  EXPECT_NE(steps(shuffled_epochs(50, 10, {"other", 7}), 0, 5), one);
}

TEST(ShuffledEpochs, FillABatchThatIsLargerThanTheData) {
  const Indices batch = shuffled_epochs(3, 7, seed)(0);
  ASSERT_EQ(batch.size(), 7U);
  EXPECT_THAT(part(batch, 0, 3), UnorderedElementsAreArray(numbers(3)));
  EXPECT_THAT(part(batch, 3, 6), UnorderedElementsAreArray(numbers(3)));
}

TEST(Cycled, KeepsTheOrderAndBeginsAgain) {
  const BatchOfStep batches = cycled({5, 0, 5, 2, 9}, 3);
  EXPECT_THAT(batches(2), ElementsAre(0, 5, 2));
  EXPECT_THAT(batches(0), ElementsAre(5, 0, 5));
  EXPECT_THAT(batches(1), ElementsAre(2, 9, 5));
}

TEST(SortedInWindows, KeepTheExamplesOfAWindow) {
  const BatchOfStep plain = shuffled_epochs(23, 4, seed);
  Indices lengths;
  for (std::int64_t i = 0; i < 23; ++i) lengths.push_back((i * 7) % 23);
  const BatchOfStep sorted = sorted_in_windows(plain, lengths, 5, seed);
  for (std::int64_t window = 0; window < 4; ++window) {
    EXPECT_THAT(steps(sorted, 5 * window, 5 * window + 5),
                UnorderedElementsAreArray(steps(plain, 5 * window, 5 * window + 5)));
  }
}

TEST(SortedInWindows, OfOneBatchLeaveItAsItIs) {
  const BatchOfStep plain = shuffled_epochs(23, 4, seed);
  Indices lengths = numbers(23);
  EXPECT_EQ(steps(sorted_in_windows(plain, lengths, 1, seed), 0, 15), steps(plain, 0, 15));
}

TEST(SortedInWindows, GiveAStepTheSameBatchInAnyOrderOfSteps) {
  const BatchOfStep sorted = sorted_in_windows(shuffled_epochs(50, 4, seed), numbers(50), 3, seed);
  const Indices forward = steps(sorted, 0, 12);
  Indices backward;
  for (std::int64_t step = 11; step >= 0; --step) {
    const Indices batch = sorted(step);
    backward.insert(backward.begin(), batch.begin(), batch.end());
  }
  EXPECT_EQ(backward, forward);
}

TEST(SortedInWindows, PutSimilarLengthsIntoOneBatch) {
  // Lengths 0 and 100 in turn, half of each: no batch needs to mix them.
  const BatchOfStep plain = cycled(numbers(16), 4);
  Indices lengths;
  for (std::int64_t i = 0; i < 16; ++i) lengths.push_back(i % 2 == 0 ? 0 : 100);
  const BatchOfStep sorted = sorted_in_windows(plain, lengths, 4, seed);
  for (std::int64_t step = 0; step < 8; ++step) {
    Indices of_batch;
    for (const std::int64_t example : sorted(step)) of_batch.push_back(lengths[static_cast<std::size_t>(example)]);
    EXPECT_THAT(of_batch, Each(of_batch[0])) << step;
  }
}

TEST(SortedInWindows, ShuffleTheBatchesSoThatWindowsDoNotGoFromShortToLong) {
  const BatchOfStep sorted = sorted_in_windows(cycled(numbers(64), 4), numbers(64), 16, seed);
  const Indices first = steps(sorted, 0, 16);
  EXPECT_FALSE(std::is_sorted(first.begin(), first.end()));
  EXPECT_NE(first, steps(sorted, 16, 32));
}

}  // namespace
}  // namespace westofn::dataset
