// SPDX-License-Identifier: Apache-2.0
// Every set of kernels that this CPU can run against loops over float64.
#include "cpu/kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "unit/cpu/wide_kernels.h"
#include "util/philox.h"

namespace westofn::cpu {
namespace {

using Numbers = std::vector<float>;

Numbers random_numbers(std::int64_t count, const std::string& name, double spread = 1) {
  RandomSequence random(Philox("test", 1, 0, name));
  Numbers numbers(static_cast<std::size_t>(count));
  for (float& number : numbers) number = static_cast<float>(spread * (2 * random.uniform() - 1));
  return numbers;
}

float widen(float x) { return x; }
float widen(Bf16 x) { return std::bit_cast<float>(static_cast<std::uint32_t>(x.bits) << 16U); }

template <class T>
std::vector<T> as_type(const Numbers& numbers) {
  if constexpr (std::is_same_v<T, float>) {
    return numbers;
  } else {
    std::vector<Bf16> narrow;
    for (const float x : numbers)
      narrow.push_back({static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(x) >> 16U)});
    return narrow;
  }
}

/// What an activation of type T can be off by, relative.
template <class T>
constexpr double rounding = std::is_same_v<T, float> ? 2e-6 : 1.0 / 256;

std::vector<const Kernels*> all_kernels() {
  auto all = runnable_kernels();
  all.push_back(&testing::wide_kernels());
  return all;
}

class EveryUnit : public ::testing::TestWithParam<const Kernels*> {
 protected:
  const Kernels& kernels = *GetParam();

  template <class T>
  [[nodiscard]] const RowKernels<T>& rows() const {
    if constexpr (std::is_same_v<T, float>) {
      return kernels.f32;
    } else {
      return kernels.bf16;
    }
  }

  /// A matrix [out, in] in panels.
  template <class T>
  [[nodiscard]] std::vector<T> panels_of(const std::vector<T>& matrix, std::int64_t out, std::int64_t in) const {
    std::vector<T> panels(static_cast<std::size_t>(panel_numbers(kernels, out, in)), T{});
    for (std::int64_t o = 0; o < out; ++o) {
      for (std::int64_t i = 0; i < in; ++i) {
        panels[static_cast<std::size_t>((o / kernels.panel * in + i) * kernels.panel + o % kernels.panel)] =
            matrix[static_cast<std::size_t>(o * in + i)];
      }
    }
    return panels;
  }

  template <class W>
  void multiply(const Numbers& x, std::int64_t rows, const std::vector<W>& panels, std::int64_t in, std::int64_t out,
                Numbers& y, bool add) const {
    const Product product{
        x.data(), in, rows, panels.data(), in, out, y.data(), out, add, 0, (out + kernels.panel - 1) / kernels.panel};
    if constexpr (std::is_same_v<W, float>) {
      kernels.product_f32(product, scratch(product_scratch));
    } else {
      kernels.product_bf16(product, scratch(product_scratch));
    }
  }

  template <class W>
  void expect_product(std::int64_t rows, std::int64_t in, std::int64_t out) const {
    const Numbers x = random_numbers(rows * in, "x");
    const std::vector<W> matrix = as_type<W>(random_numbers(out * in, "w"));
    const std::vector<W> panels = panels_of(matrix, out, in);
    Numbers y(static_cast<std::size_t>(rows * out), 0.5F);
    for (const bool add : {false, true}) {
      multiply(x, rows, panels, in, out, y, add);
      for (std::int64_t r = 0; r < rows; ++r) {
        for (std::int64_t o = 0; o < out; ++o) {
          double sum = 0;
          double size = 0;
          for (std::int64_t i = 0; i < in; ++i) {
            const double term = static_cast<double>(x[static_cast<std::size_t>(r * in + i)]) *
                                static_cast<double>(widen(matrix[static_cast<std::size_t>(o * in + i)]));
            sum += term;
            size += std::abs(term);
          }
          const double found = y[static_cast<std::size_t>(r * out + o)];
          ASSERT_NEAR(found, add ? 2 * sum : sum, 1e-6 * size + 1e-7) << rows << " x " << in << " x " << out;
        }
      }
    }
  }

  template <class T>
  void expect_attention(std::int64_t tokens, std::int64_t queries, std::int64_t width, Sight sight) const {
    const auto q = as_type<T>(random_numbers(queries * width, "q", 2));
    const auto k = as_type<T>(random_numbers(tokens * width, "k", 2));
    const auto v = as_type<T>(random_numbers(tokens * width, "v"));
    const Numbers bias = random_numbers(2 * (tokens + queries), "bias", 3);
    const float* middle = bias.data() + tokens + queries;
    Numbers key_panels(static_cast<std::size_t>(panel_numbers(kernels, tokens, width)));
    Numbers value_panels(static_cast<std::size_t>(panel_numbers(kernels, width, tokens)));
    rows<T>().pack_keys({k.data(), width, tokens, width}, key_panels.data());
    rows<T>().pack_values({v.data(), width, tokens, width}, value_panels.data());
    std::vector<T> out(q.size());
    rows<T>().attend({key_panels.data(), value_panels.data(), tokens, width},
                     {q.data(), width, queries, out.data(), width, middle, sight},
                     scratch(attend_scratch(tokens, width)));
    for (std::int64_t i = 0; i < queries; ++i) {
      const std::int64_t seen = sight == Sight::all ? tokens : std::min(tokens, i + 1);
      std::vector<double> weights;
      double total = 0;
      for (std::int64_t s = 0; s < seen; ++s) {
        double score = middle[s - i];
        for (std::int64_t c = 0; c < width; ++c) {
          score += static_cast<double>(widen(q[static_cast<std::size_t>(i * width + c)])) *
                   static_cast<double>(widen(k[static_cast<std::size_t>(s * width + c)]));
        }
        weights.push_back(std::exp(score));
        total += weights.back();
      }
      for (std::int64_t c = 0; c < width; ++c) {
        double expected = 0;
        for (std::int64_t s = 0; s < seen; ++s) {
          expected += weights[static_cast<std::size_t>(s)] / total *
                      static_cast<double>(widen(v[static_cast<std::size_t>(s * width + c)]));
        }
        ASSERT_NEAR(widen(out[static_cast<std::size_t>(i * width + c)]), expected, rounding<T> + 1e-5)
            << tokens << " tokens, query " << i;
      }
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Cpu, EveryUnit, ::testing::ValuesIn(all_kernels()), [](const auto& unit) {
  return "Lanes" + std::to_string(unit.param->panel / 2) + "Number" + std::to_string(unit.index);
});

TEST_P(EveryUnit, MultipliesAnyNumberOfRowsByAnyMatrix) {
  for (const std::int64_t rows : {1, 2, 3, 5, 6, 7, 11, 12, 13, 64, 97}) expect_product<float>(rows, 33, 70);
  for (const std::int64_t in : {1, 255, 256, 257, 1024, 1100}) expect_product<float>(7, in, 33);
  for (const std::int64_t out : {1, 2, 15, 16, 17, 31, 32, 33}) expect_product<float>(3, 20, out);
  expect_product<Bf16>(13, 300, 45);
  expect_product<Bf16>(1, 1030, 5);
}

TEST_P(EveryUnit, GivesARowTheSameBitsWhateverStandsBesideIt) {
  const std::int64_t in = 300;
  const std::int64_t out = 50;
  const Numbers x = random_numbers(101 * in, "x");
  const Numbers panels = panels_of(random_numbers(out * in, "w"), out, in);
  Numbers together(static_cast<std::size_t>(101 * out));
  multiply(x, 101, panels, in, out, together, false);
  for (std::int64_t r = 0; r < 101; ++r) {
    const Numbers row(x.begin() + r * in, x.begin() + (r + 1) * in);
    Numbers alone(static_cast<std::size_t>(out));
    multiply(row, 1, panels, in, out, alone, false);
    ASSERT_TRUE(std::equal(alone.begin(), alone.end(), together.begin() + r * out)) << "row " << r;
  }
}

TEST_P(EveryUnit, AttendsAsThePlainFormulaSays) {
  for (const Sight sight : {Sight::all, Sight::backward}) {
    for (const std::int64_t tokens : {1, 2, 15, 16, 33, 70}) expect_attention<float>(tokens, tokens, 20, sight);
    expect_attention<float>(13, 13, 64, sight);
    expect_attention<float>(13, 13, 1, sight);
    expect_attention<Bf16>(33, 33, 11, sight);
  }
  for (const std::int64_t queries : {1, 6, 13, 64}) expect_attention<float>(40, queries, 11, Sight::all);
}

TEST_P(EveryUnit, WritesAPositionOfADecoderAndAttendsToAllBeforeIt) {
  constexpr std::int64_t heads = 3;
  constexpr std::int64_t width = 11;
  constexpr std::int64_t capacity = 64;
  const Numbers bias = random_numbers(heads * capacity, "bias", 2);
  Numbers keys(static_cast<std::size_t>(heads * width * capacity), std::numeric_limits<float>::quiet_NaN());
  Numbers values = keys;
  std::vector<Numbers> k, v;
  for (std::int64_t position = 0; position < capacity; ++position) {
    const Numbers q = random_numbers(heads * width, "q" + std::to_string(position), 2);
    k.push_back(random_numbers(heads * width, "k" + std::to_string(position), 2));
    v.push_back(random_numbers(heads * width, "v" + std::to_string(position)));
    Numbers out(static_cast<std::size_t>(heads * width));
    kernels.f32.step({q.data(), k.back().data(), v.back().data(), keys.data(), values.data(), out.data(), bias.data(),
                      scratch(capacity + width), position, heads, width, capacity});
    for (std::int64_t head = 0; head < heads; ++head) {
      double total = 0;
      std::vector<double> expected(width, 0);
      for (std::int64_t s = 0; s <= position; ++s) {
        double score = bias[static_cast<std::size_t>((head + 1) * capacity - 1 - (position - s))];
        for (std::int64_t c = head * width; c < (head + 1) * width; ++c) {
          score += static_cast<double>(q[static_cast<std::size_t>(c)]) *
                   static_cast<double>(k[static_cast<std::size_t>(s)][static_cast<std::size_t>(c)]);
        }
        total += std::exp(score);
        for (std::int64_t c = 0; c < width; ++c) {
          expected[static_cast<std::size_t>(c)] +=
              std::exp(score) *
              static_cast<double>(v[static_cast<std::size_t>(s)][static_cast<std::size_t>(head * width + c)]);
        }
      }
      for (std::int64_t c = 0; c < width; ++c) {
        ASSERT_NEAR(out[static_cast<std::size_t>(head * width + c)], expected[static_cast<std::size_t>(c)] / total,
                    1e-5);
      }
    }
  }
}

TEST_P(EveryUnit, NormalisesAndActivatesRows) {
  const std::int64_t width = 37;
  const Numbers x = random_numbers(3 * width, "x", 4);
  const Numbers weight = random_numbers(width, "weight");
  Numbers normed(x.size());
  kernels.f32.norm(x.data(), weight.data(), 1e-6, normed.data(), 3, width);
  const Numbers hidden = random_numbers(2 * 3 * width, "hidden", 9);
  Numbers activated(x.size());
  kernels.f32.gated_gelu(hidden.data(), activated.data(), 3, width);
  for (std::int64_t r = 0; r < 3; ++r) {
    double squares = 0;
    for (std::int64_t i = 0; i < width; ++i) squares += std::pow(x[static_cast<std::size_t>(r * width + i)], 2);
    for (std::int64_t i = 0; i < width; ++i) {
      const auto at = static_cast<std::size_t>(r * width + i);
      const double expected =
          x[at] / std::sqrt(squares / static_cast<double>(width) + 1e-6) * weight[static_cast<std::size_t>(i)];
      EXPECT_NEAR(normed[at], expected, 1e-6);
      const double a = hidden[static_cast<std::size_t>(2 * r * width + i)];
      const double gelu = 0.5 * a * (1 + std::tanh(std::sqrt(2 / M_PI) * (a + 0.044715 * a * a * a)));
      const double gated = gelu * hidden[static_cast<std::size_t>((2 * r + 1) * width + i)];
      EXPECT_NEAR(activated[at], gated, 1e-6 * (1 + std::abs(gated)));
    }
  }
}

TEST_P(EveryUnit, RoundsToBfloat16ToTheNearestEven) {
  const Numbers ones(1, 1.0F);
  // The norm of one number is its sign times the weight: a way to round any number.
  const auto round = [&](float x) {
    Bf16 out{};
    kernels.bf16.norm(ones.data(), &x, 0, &out, 1, 1);
    return out.bits;
  };
  EXPECT_EQ(round(1.0F), 0x3F80);
  EXPECT_EQ(round(std::bit_cast<float>(0x3F808000U)), 0x3F80) << "half way, to the even one";
  EXPECT_EQ(round(std::bit_cast<float>(0x3F818000U)), 0x3F82) << "half way, to the even one";
  EXPECT_EQ(round(std::bit_cast<float>(0x3F808001U)), 0x3F81);
  EXPECT_TRUE(std::isnan(widen(Bf16{round(std::numeric_limits<float>::quiet_NaN())})));
}

TEST_P(EveryUnit, WeighsLogitsAsTheExponentialsSay) {
  const std::int64_t count = 1000;
  Numbers logits = random_numbers(count, "logits", 30);
  const float top = kernels.largest(logits.data(), count);
  EXPECT_EQ(top, *std::max_element(logits.begin(), logits.end()));
  Numbers weights(static_cast<std::size_t>(count));
  std::vector<double> sums((static_cast<std::size_t>(count) + weighing_block - 1) / weighing_block);
  const double sum = kernels.weigh({logits.data(), count, top, top, 1 / 0.7F, weights.data(), sums.data()});
  double expected = 0;
  std::vector<double> expected_sums(sums.size(), 0);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double above = static_cast<double>(logits[i]) - static_cast<double>(top);
    expected += std::exp(above);
    // An argument that is rounded to float32 changes the exponential by its rounding, relative.
    const double argument = above / 0.7;
    EXPECT_NEAR(weights[i], std::exp(argument), (3e-7 + 1.5e-7 * std::abs(argument)) * std::exp(argument) + 1e-37);
    expected_sums[i / weighing_block] += static_cast<double>(weights[i]);
  }
  EXPECT_NEAR(sum, expected, 1e-6 * expected);
  EXPECT_NEAR(kernels.sum_exp(logits.data(), count, top), expected, 1e-6 * expected);
  for (std::size_t b = 0; b < sums.size(); ++b) EXPECT_NEAR(sums[b], expected_sums[b], 1e-14);
}

TEST_P(EveryUnit, LetsNoNotANumberPass) {
  for (const std::size_t at : {std::size_t{0}, std::size_t{77}, std::size_t{299}}) {
    Numbers logits = random_numbers(300, "logits");
    logits[at] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_TRUE(std::isnan(kernels.largest(logits.data(), 300)));
    logits[at] = std::numeric_limits<float>::infinity();
    EXPECT_FALSE(std::isfinite(kernels.largest(logits.data(), 300)));
  }
}

}  // namespace
}  // namespace westofn::cpu
