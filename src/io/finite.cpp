// SPDX-License-Identifier: Apache-2.0
#include "io/finite.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>

namespace westofn::io {
namespace {

constexpr std::size_t block_size = 4096;

/// The number at `index` without its sign, as an integer: finite numbers grow with it, NaN is above infinity.
template <class Word>
Word magnitude(const std::byte* numbers, std::size_t index) {
  Word bits = 0;
  std::memcpy(&bits, numbers + index * sizeof(Word), sizeof(Word));
  return static_cast<Word>(bits & std::numeric_limits<Word>::max());
}

/// Whether one of `count` numbers reaches `limit`. No way out of the loop, so that the compiler makes vectors of it.
template <class Word>
bool any_reaches(const std::byte* numbers, std::size_t count, Word limit) {
  Word found = 0;
  for (std::size_t i = 0; i < count; ++i) {
    found = static_cast<Word>(found | static_cast<Word>(magnitude<Word>(numbers, i) >= limit ? -1 : 0));
  }
  return found != 0;
}

template <class Word>
std::optional<std::size_t> find_from(std::span<const std::byte> bytes, Word limit) {
  const std::size_t count = bytes.size() / sizeof(Word);
  for (std::size_t begin = 0; begin < count; begin += block_size) {
    const std::byte* block = bytes.data() + begin * sizeof(Word);
    const std::size_t size = std::min(block_size, count - begin);
    if (!any_reaches(block, size, limit)) continue;
    std::size_t i = 0;
    while (magnitude<Word>(block, i) < limit) ++i;
    return begin + i;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::size_t> find_non_finite(const TensorView& tensor) {
  switch (tensor.dtype) {
    case DType::f16: return find_from<std::int16_t>(tensor.bytes, 0x7C00);
    case DType::bf16: return find_from<std::int16_t>(tensor.bytes, 0x7F80);
    case DType::f32: return find_from<std::int32_t>(tensor.bytes, 0x7F80'0000);
    // From here on a float64 becomes infinity as float32.
    case DType::f64: return find_from<std::int64_t>(tensor.bytes, std::bit_cast<std::int64_t>(0x1.ffffffp127));
    default: return std::nullopt;
  }
}

}  // namespace westofn::io
