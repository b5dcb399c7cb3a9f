// SPDX-License-Identifier: Apache-2.0
// Counter-based random numbers: a number is a function of names and positions, never of rank, order or history.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "util/error.h"

namespace westofn {

/// Philox 4x32-10 (Salmon et al. 2011) with key = XXH3-64(purpose, seed, round, id).
class Philox {
 public:
  /// `purpose` separates uses of one seed ("sample", "shuffle"), `id` the objects within (a prompt id).
  Philox(std::string_view purpose, std::uint64_t seed, std::uint64_t round, std::string_view id);

  /// The four 32-bit words at counter (sample, position, 0, 0).
  [[nodiscard]] std::array<std::uint32_t, 4> words(std::uint32_t sample, std::uint32_t position) const;

  /// A uniform double in [0, 1) with 53 random bits: word 0 gives the high 32, word 1 the low 21.
  [[nodiscard]] double uniform(std::uint32_t sample, std::uint32_t position) const;

 private:
  std::array<std::uint32_t, 2> key_;
};

/// The numbers of one Philox stream one after the other: for data that is made in a sequence.
class RandomSequence {
 public:
  explicit RandomSequence(Philox philox, std::uint32_t sample = 0) : philox_(philox), sample_(sample) {}

  /// Uniform in [0, 1).
  double uniform() { return philox_.uniform(sample_, position_++); }
  /// Uniform in 0 .. count-1 by floor(u * count); the bias is below 2^-20 for every count below 2^32.
  std::uint32_t below(std::uint32_t count);
  /// True with the given probability.
  bool chance(double probability) { return uniform() < probability; }
  /// An index drawn with probability proportional to its weight; weights are finite, not negative, not all zero.
  std::size_t weighted(std::span<const double> weights);
  /// Fisher-Yates.
  template <class T>
  void shuffle(std::vector<T>& values) {
    for (std::size_t i = values.size(); i > 1; --i) {
      std::swap(values[i - 1], values[below(static_cast<std::uint32_t>(i))]);
    }
  }

 private:
  Philox philox_;
  std::uint32_t sample_;
  std::uint32_t position_ = 0;
};

}  // namespace westofn
