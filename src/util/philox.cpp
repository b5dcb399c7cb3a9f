// SPDX-License-Identifier: Apache-2.0
#include "util/philox.h"

#include <Random123/philox.h>

#include <cmath>
#include <numeric>
#include <string>

#include "util/hash.h"

namespace westofn {
namespace {

std::string little_endian(std::uint64_t value) {
  std::string bytes(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<char>((value >> (8 * i)) & 0xff);
  return bytes;
}

}  // namespace

Philox::Philox(std::string_view purpose, std::uint64_t seed, std::uint64_t round, std::string_view id) {
  std::string name(purpose);
  name += '\0';  // the purpose never holds a zero byte; what follows has fixed length, then the id to the end
  name += little_endian(seed) + little_endian(round);
  name += id;
  const std::uint64_t key = hash64(name);
  key_ = {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)};
}

std::array<std::uint32_t, 4> Philox::words(std::uint32_t sample, std::uint32_t position) const {
  const auto w = r123::Philox4x32()({{sample, position, 0, 0}}, {{key_[0], key_[1]}});
  return {w[0], w[1], w[2], w[3]};
}

double Philox::uniform(std::uint32_t sample, std::uint32_t position) const {
  const auto w = words(sample, position);
  const std::uint64_t bits = (static_cast<std::uint64_t>(w[0]) << 21) | (w[1] >> 11);
  return static_cast<double>(bits) * 0x1p-53;
}

std::uint32_t RandomSequence::below(std::uint32_t count) {
  WESTOFN_CHECK(count > 0, "a random number below 0 was asked for");
  return static_cast<std::uint32_t>(uniform() * count);
}

std::size_t RandomSequence::weighted(std::span<const double> weights) {
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  WESTOFN_CHECK(total > 0 && std::isfinite(total), "weights must be finite and not all zero");
  double rest = uniform() * total;
  for (std::size_t i = 0; i + 1 < weights.size(); ++i) {
    rest -= weights[i];
    if (rest < 0) return i;
  }
  return weights.size() - 1;
}

}  // namespace westofn
