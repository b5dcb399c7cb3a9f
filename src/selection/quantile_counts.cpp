// SPDX-License-Identifier: Apache-2.0
#include "selection/quantile_counts.h"

#include <bit>
#include <cmath>

#include "util/error.h"

namespace westofn::selection {
namespace {

constexpr std::uint64_t sign_bit = std::uint64_t{1} << 63;
constexpr int bits_per_digit = 8;
constexpr int digits_per_word = 8;

}  // namespace

bool is_kept(const Ranked& entry, const Cut& cut) {
  return entry.value != cut.value ? entry.value > cut.value : entry.index >= cut.index;
}

std::int64_t dropped_count(double q, std::int64_t n) {
  WESTOFN_CHECK(q >= 0 && q < 1, "a quantile from 0 to below 1");
  return static_cast<std::int64_t>(std::floor(q * static_cast<double>(n)));
}

std::uint64_t ordered_bits(double value) {
  WESTOFN_CHECK(std::isfinite(value), "a value that is not finite has no rank");
  const auto bits = std::bit_cast<std::uint64_t>(value == 0 ? 0.0 : value);
  return (bits & sign_bit) != 0 ? ~bits : bits | sign_bit;
}

double value_of_bits(std::uint64_t bits) {
  return std::bit_cast<double>((bits & sign_bit) != 0 ? bits & ~sign_bit : ~bits);
}

void CutSearch::add_counts(std::span<const Ranked> entries, std::span<std::int64_t, digits> counts) const {
  const int shift = bits_per_digit * (digits_per_word - 1 - pass_ % digits_per_word);
  // Of the word that this digit is in, those above it are known.
  const std::uint64_t known = pass_ % digits_per_word == 0 ? 0 : ~std::uint64_t{0} << (shift + bits_per_digit);
  const auto count = [&](std::uint64_t word, std::uint64_t found) {
    if (((word ^ found) & known) == 0) ++counts[(word >> shift) & (digits - 1)];
  };
  if (pass_ < digits_per_word) {
    for (const auto& entry : entries) count(ordered_bits(entry.value), found_[0]);
    return;
  }
  const double value = value_of_bits(found_[0]);
  for (const auto& entry : entries) {
    if (entry.value == value) count(static_cast<std::uint64_t>(entry.index), found_[1]);
  }
}

void CutSearch::narrow(std::span<const std::int64_t, digits> counts) {
  std::size_t next = 0;
  while (next + 1 < digits && counts[next] <= below_) below_ -= counts[next++];
  WESTOFN_CHECK(counts[next] > below_, "fewer entries than are to be dropped");
  const int shift = bits_per_digit * (digits_per_word - 1 - pass_ % digits_per_word);
  found_[static_cast<std::size_t>(pass_ / digits_per_word)] |= static_cast<std::uint64_t>(next) << shift;
  ++pass_;
}

Cut CutSearch::cut() const {
  WESTOFN_CHECK(pass_ == passes, "the search is not over");
  return {value_of_bits(found_[0]), static_cast<std::int64_t>(found_[1])};
}

}  // namespace westofn::selection
