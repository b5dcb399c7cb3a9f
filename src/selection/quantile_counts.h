// SPDX-License-Identifier: Apache-2.0
// Exact quantiles from counts alone: a radix search, digit by digit, for the lowest of the entries that are kept.
//
// Entries are ordered by (value, index), which no two share, so the number of kept ones is exact whatever ties there
// are. The counts of all ranks add up; nobody has to see another's entries.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace westofn::selection {

/// One value and what it belongs to.
struct Ranked {
  double value = 0;
  std::int64_t index = 0;  ///< unique, not negative
};

/// The lowest entry that is kept.
using Cut = Ranked;

/// Whether an entry stands at or above the cut.
[[nodiscard]] bool is_kept(const Ranked& entry, const Cut& cut);

/// How many of n entries lie below the q-quantile: floor(q n), 0 <= q < 1.
[[nodiscard]] std::int64_t dropped_count(double q, std::int64_t n);

/// A number that orders as the doubles do; both zeros are one. The value is finite.
[[nodiscard]] std::uint64_t ordered_bits(double value);

/// The value of ordered_bits.
[[nodiscard]] double value_of_bits(std::uint64_t bits);

/// The search for one cut. For each of `passes`: add up add_counts() over all who hold entries, then narrow().
class CutSearch {
 public:
  static constexpr std::size_t digits = 256;
  static constexpr int passes = 16;  ///< 8 digits of the value, 8 of the index

  /// Looks for the entry with `dropped` entries below it; 0 <= dropped < number of entries.
  explicit CutSearch(std::int64_t dropped) : below_(dropped) {}

  /// Adds these entries to the counts of the next digit.
  void add_counts(std::span<const Ranked> entries, std::span<std::int64_t, digits> counts) const;

  /// Fixes the next digit by the counts of all entries.
  void narrow(std::span<const std::int64_t, digits> counts);

  /// After all passes.
  [[nodiscard]] Cut cut() const;

 private:
  using Key = std::array<std::uint64_t, 2>;  ///< ordered bits of the value, index

  std::int64_t below_;  ///< entries to be left below among those that share the digits found so far
  Key found_{};
  int pass_ = 0;
};

}  // namespace westofn::selection
