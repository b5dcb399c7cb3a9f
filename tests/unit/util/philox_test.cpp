// SPDX-License-Identifier: Apache-2.0
#include "util/philox.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "util/hash.h"

namespace westofn {
namespace {

/// Philox 4x32-10 written out from the paper (Salmon et al., SC 2011), as a reference.
std::array<std::uint32_t, 4> plain_philox(std::array<std::uint32_t, 4> c, std::array<std::uint32_t, 2> k) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = 0xD2511F53ULL * c[0];
    const std::uint64_t p1 = 0xCD9E8D57ULL * c[2];
    c = {static_cast<std::uint32_t>(p1 >> 32) ^ c[1] ^ k[0], static_cast<std::uint32_t>(p1),
         static_cast<std::uint32_t>(p0 >> 32) ^ c[3] ^ k[1], static_cast<std::uint32_t>(p0)};
    k[0] += 0x9E3779B9U;
    k[1] += 0xBB67AE85U;
  }
  return c;
}

TEST(Philox, ReferenceGivesThePublishedVector) {
  // Random123's kat_vectors: all ones.
  const std::uint32_t ones = 0xffffffffU;
  EXPECT_EQ(plain_philox({ones, ones, ones, ones}, {ones, ones}),
            (std::array<std::uint32_t, 4>{0x408f276dU, 0x41c83b0eU, 0xa20bc7c6U, 0x6d5451fdU}));
}

TEST(Philox, IsTheReferenceUnderTheDocumentedKey) {
  std::string name("sample");
  name += '\0';
  for (const std::uint64_t value : {std::uint64_t{7}, std::uint64_t{2}}) {
    for (int i = 0; i < 8; ++i) name += static_cast<char>((value >> (8 * i)) & 0xff);
  }
  name += "prompt-1";
  const std::uint64_t key = hash64(name);
  const Philox philox("sample", 7, 2, "prompt-1");
  for (std::uint32_t position = 0; position < 50; ++position) {
    EXPECT_EQ(philox.words(63, position), plain_philox({63, position, 0, 0}, {static_cast<std::uint32_t>(key),
                                                                              static_cast<std::uint32_t>(key >> 32)}));
  }
}

TEST(Philox, UniformTakes53BitsFromTwoWords) {
  const Philox philox("sample", 1, 0, "x");
  const auto w = philox.words(3, 4);
  EXPECT_EQ(philox.uniform(3, 4), std::ldexp(static_cast<double>(w[0]), -32) + std::ldexp(w[1] >> 11, -53));
}

TEST(RandomSequence, BelowAndWeightedFollowTheirLaws) {
  RandomSequence random(Philox("test", 1, 0, ""));
  std::array<int, 5> counts{};
  std::array<int, 3> weighted{};
  const std::array<double, 3> weights = {1, 0, 3};
  for (int i = 0; i < 20000; ++i) {
    ++counts[random.below(5)];
    ++weighted[random.weighted(weights)];
  }
  // Five standard errors of a binomial count.
  for (const int count : counts) EXPECT_NEAR(count, 4000, 5 * std::sqrt(20000 * 0.2 * 0.8));
  EXPECT_NEAR(weighted[0], 5000, 5 * std::sqrt(20000 * 0.25 * 0.75));
  EXPECT_EQ(weighted[1], 0);
}

TEST(RandomSequence, ShuffleIsAPermutationAndDependsOnTheId) {
  std::vector<int> a(100);
  std::iota(a.begin(), a.end(), 0);
  std::vector<int> b = a;
  const std::vector<int> sorted = a;
  RandomSequence(Philox("shuffle", 1, 0, "a")).shuffle(a);
  RandomSequence(Philox("shuffle", 1, 0, "b")).shuffle(b);
  EXPECT_NE(a, b);
  EXPECT_NE(a, sorted);
  std::sort(a.begin(), a.end());
  EXPECT_EQ(a, sorted);
}

TEST(RandomSequence, RefusesWeightsThatAreAllZero) {
  RandomSequence random(Philox("test", 1, 0, ""));
  const std::array<double, 2> zero = {0, 0};
  EXPECT_THROW((void)random.weighted(zero), InternalError);
  EXPECT_THROW((void)random.below(0), InternalError);
}

}  // namespace
}  // namespace westofn
