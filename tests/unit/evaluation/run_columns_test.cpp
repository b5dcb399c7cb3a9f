// SPDX-License-Identifier: Apache-2.0
#include "evaluation/run_columns.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "evaluation/judge.h"
#include "unit/evaluation/toy_test_set.h"

namespace westofn::evaluation {
namespace {

std::vector<io::FileInfo> files_of(const std::vector<std::uint64_t>& sizes) {
  std::vector<io::FileInfo> files;
  for (const auto size : sizes) files.push_back({"f", size, {}});
  return files;
}

TEST(FilesOfRank, AreConsecutiveAndEveryFileIsReadOnce) {
  for (const auto& sizes :
       {std::vector<std::uint64_t>{}, {5}, {0, 0, 0}, {1, 1, 1, 1, 1, 1, 1}, {100, 1, 1, 1, 90, 3}}) {
    for (const int ranks : {1, 2, 3, 4, 16}) {
      std::size_t next = 0;
      for (int rank = 0; rank < ranks; ++rank) {
        const auto [first, end] = files_of_rank(files_of(sizes), rank, ranks);
        EXPECT_LE(first, end);
        if (first == end) continue;
        EXPECT_EQ(first, next);
        next = end;
      }
      EXPECT_EQ(next, sizes.size()) << sizes.size() << " files, " << ranks << " ranks";
    }
  }
}

TEST(FilesOfRank, HaveAboutTheSameBytesOnEveryRank) {
  std::vector<std::uint64_t> sizes;
  for (std::uint64_t i = 0; i < 400; ++i) sizes.push_back(50 + i * 7 % 101);
  const auto files = files_of(sizes);
  std::vector<std::uint64_t> bytes;
  for (int rank = 0; rank < 8; ++rank) {
    const auto [first, end] = files_of_rank(files, rank, 8);
    std::uint64_t sum = 0;
    for (std::size_t i = first; i < end; ++i) sum += sizes[i];
    bytes.push_back(sum);
  }
  EXPECT_LE(*std::ranges::max_element(bytes) - *std::ranges::min_element(bytes), 2 * 150U);
}

TEST(BestRows, AreTheSamplesThatSomeScorerPutsFirstEachOnce) {
  const TestSet test = toy_test_set(2, 2, 3);  // rows 0 to 3 and 4 to 7; the last of each is the SFT sample
  const Scorer one{"one", ScorerKind::reward_model, {{}, {}, {0, 5, 1, 9, 3, 2, 1, 9}}};
  const Scorer two{"two", ScorerKind::reward_model, {{}, {}, {7, 5, 1, 9, 3, 2, 1, 9}}};
  const Scorer too_long{"too long", ScorerKind::reward_model, {{}, {}, {metrics::no_value, 1, 2, 9, 1, 2, 3, 9}}};
  const Scorer teacher{"teacher", ScorerKind::preference_model, {}};
  EXPECT_EQ(best_rows(test, {one, two, teacher}), (std::vector<std::int64_t>{0, 1, 4}));
  EXPECT_EQ(best_rows(test, {too_long}), (std::vector<std::int64_t>{6})) << "a pool that was not scored has no best";
}

}  // namespace
}  // namespace westofn::evaluation
