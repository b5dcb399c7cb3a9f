// SPDX-License-Identifier: Apache-2.0
// Numbers that are not finite, found in the bytes of every type.
#include "io/finite.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

namespace westofn::io {
namespace {

/// Bytes of `count` finite numbers, with `bits` at `index`; they begin at an odd address, as in a file they may.
template <class Word>
class Numbers {
 public:
  Numbers(DType dtype, Word finite, std::size_t count) : dtype_(dtype), bytes_(1 + count * sizeof(Word)) {
    for (std::size_t i = 0; i < count; ++i) set(i, finite);
  }
  void set(std::size_t index, Word bits) { std::memcpy(bytes_.data() + 1 + index * sizeof(Word), &bits, sizeof(Word)); }
  [[nodiscard]] std::optional<std::size_t> find() const {
    return find_non_finite({dtype_, {}, std::span(bytes_).subspan(1)});
  }

 private:
  DType dtype_;
  std::vector<std::byte> bytes_;
};

/// `largest` is finite; `wrong` and its negative are not.
template <class Word>
void expect_found(DType dtype, Word largest, const std::vector<Word>& wrong) {
  constexpr std::size_t count = 10'001;  // more than two blocks, and an odd rest
  constexpr Word sign = static_cast<Word>(Word{1} << (8 * sizeof(Word) - 1));
  for (const Word finite : {largest, static_cast<Word>(largest | sign), Word{0}, Word{1}, sign}) {
    EXPECT_EQ(Numbers<Word>(dtype, finite, count).find(), std::nullopt) << to_string(dtype) << " " << finite;
  }
  for (const Word bits : wrong) {
    for (const Word signed_bits : {bits, static_cast<Word>(bits | sign)}) {
      for (const std::size_t index : std::vector<std::size_t>{0, 1, 4095, 4096, 10'000}) {
        Numbers<Word> numbers(dtype, largest, count);
        numbers.set(index, signed_bits);
        EXPECT_EQ(numbers.find(), index) << to_string(dtype) << " " << signed_bits;
        numbers.set(count - 1, signed_bits);
        EXPECT_EQ(numbers.find(), index) << "the first one";
      }
    }
  }
}

TEST(FindNonFinite, KnowsInfinityAndEveryNaNOfEveryType) {
  expect_found<std::uint16_t>(DType::f16, 0x7BFF, {0x7C00, 0x7C01, 0x7E00, 0x7FFF});
  expect_found<std::uint16_t>(DType::bf16, 0x7F7F, {0x7F80, 0x7F81, 0x7FC0, 0x7FFF});
  expect_found<std::uint32_t>(DType::f32, 0x7F7FFFFF, {0x7F800000, 0x7F800001, 0x7FC00000, 0x7FFFFFFF});
}

TEST(FindNonFinite, OfFloat64CountsWhatFloat32HasNoRoomFor) {
  const auto bits = [](double number) {
    std::uint64_t word = 0;
    std::memcpy(&word, &number, sizeof(word));
    return word;
  };
  const double largest = std::numeric_limits<float>::max();
  ASSERT_EQ(static_cast<float>(0x1.fffffefffffffp127), std::numeric_limits<float>::max());
  expect_found<std::uint64_t>(DType::f64, bits(largest),
                              {bits(0x1.ffffffp127), bits(1e300), 0x7FF0000000000000, 0x7FF8000000000000});
  EXPECT_EQ(Numbers<std::uint64_t>(DType::f64, bits(0x1.fffffefffffffp127), 3).find(), std::nullopt);
}

TEST(FindNonFinite, IntegersAndEmptyTensorsAreFinite) {
  EXPECT_EQ(Numbers<std::uint32_t>(DType::i32, 0x7FFFFFFF, 5).find(), std::nullopt);
  EXPECT_EQ(Numbers<std::uint32_t>(DType::f32, 0, 0).find(), std::nullopt);
}

}  // namespace
}  // namespace westofn::io
