// SPDX-License-Identifier: Apache-2.0
// The kernels of training against loops over float64, for every vector unit that this CPU can run.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "cpu/kernels.h"
#include "unit/cpu/wide_kernels.h"
#include "util/philox.h"

namespace westofn::cpu {
namespace {

using Numbers = std::vector<float>;
using Exact = std::vector<double>;

float widen(float x) { return x; }
float widen(Bf16 x) { return std::bit_cast<float>(static_cast<std::uint32_t>(x.bits) << 16U); }

/// Random numbers that T can hold.
template <class T>
std::vector<T> random_numbers(std::int64_t count, const std::string& name, double spread = 1) {
  RandomSequence random(Philox("test", 2, 0, name));
  std::vector<T> numbers(static_cast<std::size_t>(count));
  for (T& number : numbers) {
    const auto x = static_cast<float>(spread * (2 * random.uniform() - 1));
    if constexpr (sizeof(T) == 4) {
      number = x;
    } else {
      number = {static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(x) >> 16U)};
    }
  }
  return numbers;
}

template <class T>
double at(const std::vector<T>& numbers, std::int64_t i) {
  return static_cast<double>(widen(numbers[static_cast<std::size_t>(i)]));
}

/// A block product as plain as can be.
void plain_product(std::int64_t m, std::int64_t n, std::int64_t k, std::int64_t a_stride, std::int64_t b_stride,
                   std::int64_t c_stride, bool add, const Bf16* a, const Bf16* b, float* c) {
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      float sum = add ? c[i * c_stride + j] : 0.0F;
      for (std::int64_t l = 0; l < k; ++l) {
        sum += widen(a[i * a_stride + l]) * widen(b[(l / 2) * 2 * b_stride + 2 * j + l % 2]);
      }
      c[i * c_stride + j] = sum;
    }
  }
}

/// The mix of drop masks, once more.
double factor_of(const Drop& drop, std::int64_t number) {
  if (drop.scale == 0) return 1;
  std::uint32_t x = static_cast<std::uint32_t>(number) * 0x9E3779B1U + drop.key;
  x ^= x >> 16U;
  x *= 0x7FEB352DU;
  x ^= x >> 15U;
  x *= 0x846CA68BU;
  x ^= x >> 16U;
  return x >= drop.threshold ? static_cast<double>(drop.scale) : 0;
}

struct AttentionCase {
  std::int64_t queries;
  std::int64_t keys;
  std::int64_t width;
  Sight sight = Sight::all;
  bool biased = true;
  bool drops = false;
};

std::vector<AttentionCase> attention_cases() {
  std::vector<AttentionCase> cases;
  for (const std::int64_t tokens : {1, 2, 31, 32, 33, 64, 65, 97}) {
    cases.push_back({tokens, tokens, 16});
    cases.push_back({tokens, tokens, 16, Sight::backward});
  }
  cases.push_back({5, 70, 8, Sight::all, false});
  cases.push_back({70, 5, 8, Sight::all, false});
  cases.push_back({40, 40, 7});
  cases.push_back({40, 40, 1, Sight::backward});
  cases.push_back({70, 70, 64, Sight::all, true, true});
  cases.push_back({37, 37, 12, Sight::backward, true, true});
  return cases;
}

/// Attention and its gradients in float64.
struct PlainAttention {
  Exact out, log_sums, query_gradient, key_gradient, value_gradient, bias_gradient;

  template <class T>
  PlainAttention(const AttentionCase& c, const Drop& drop, const std::vector<T>& q, const std::vector<T>& k,
                 const std::vector<T>& v, const Numbers& bias, const std::vector<T>& g)
      : out(q.size()),
        query_gradient(q.size()),
        key_gradient(k.size()),
        value_gradient(v.size()),
        bias_gradient(static_cast<std::size_t>(c.queries + c.keys)) {
    const auto place = [](std::int64_t i) { return static_cast<std::size_t>(i); };
    for (std::int64_t i = 0; i < c.queries; ++i) {
      const std::int64_t seen = c.sight == Sight::all ? c.keys : std::min(c.keys, i + 1);
      Exact weights(place(seen));
      double sum = 0;
      for (std::int64_t j = 0; j < seen; ++j) {
        double score = c.biased ? at(bias, j - i + c.queries) : 0;
        for (std::int64_t w = 0; w < c.width; ++w) score += at(q, i * c.width + w) * at(k, j * c.width + w);
        weights[place(j)] = std::exp(score);
        sum += weights[place(j)];
      }
      log_sums.push_back(std::log(sum));
      for (double& weight : weights) weight /= sum;
      const auto kept = [&](std::int64_t j) { return factor_of(drop, i * c.keys + j); };
      Exact above(place(seen));
      double delta = 0;
      for (std::int64_t j = 0; j < seen; ++j) {
        for (std::int64_t w = 0; w < c.width; ++w) {
          out[place(i * c.width + w)] += weights[place(j)] * kept(j) * at(v, j * c.width + w);
          value_gradient[place(j * c.width + w)] += weights[place(j)] * kept(j) * at(g, i * c.width + w);
          above[place(j)] += kept(j) * at(g, i * c.width + w) * at(v, j * c.width + w);
        }
        delta += weights[place(j)] * above[place(j)];
      }
      for (std::int64_t j = 0; j < seen; ++j) {
        const double slope = weights[place(j)] * (above[place(j)] - delta);
        bias_gradient[place(i - j + c.keys - 1)] += slope;
        for (std::int64_t w = 0; w < c.width; ++w) {
          query_gradient[place(i * c.width + w)] += slope * at(k, j * c.width + w);
          key_gradient[place(j * c.width + w)] += slope * at(q, i * c.width + w);
        }
      }
    }
  }
};

template <class T>
void expect_near(const std::vector<T>& found, const Exact& expected, double tolerance, const std::string& what) {
  double largest = 0;
  for (const double x : expected) largest = std::max(largest, std::abs(x));
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_NEAR(at(found, static_cast<std::int64_t>(i)), expected[i], tolerance * (largest + 0.1)) << what << " " << i;
  }
}

std::vector<const Kernels*> all_kernels() {
  auto all = runnable_kernels();
  all.push_back(&testing::wide_kernels());
  return all;
}

class TrainingOnEveryUnit : public ::testing::TestWithParam<const Kernels*> {
 protected:
  const Kernels& kernels = *GetParam();

  template <class T>
  [[nodiscard]] const RowKernels<T>& rows() const {
    if constexpr (sizeof(T) == 4) {
      return kernels.f32;
    } else {
      return kernels.bf16;
    }
  }

  /// Scratch memory full of NaN, with numbers behind it that must stay.
  class Scratch {
   public:
    explicit Scratch(std::int64_t numbers)
        : memory_(static_cast<std::size_t>(numbers) + guard, std::numeric_limits<float>::quiet_NaN()) {
      std::fill(memory_.end() - guard, memory_.end(), 7.0F);
    }
    ~Scratch() {
      for (auto at = memory_.end() - guard; at != memory_.end(); ++at) EXPECT_EQ(*at, 7.0F) << "written past the end";
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    float* data() { return memory_.data(); }

   private:
    static constexpr int guard = 64;
    Numbers memory_;
  };

  template <class T>
  void expect_attention(const AttentionCase& c, BlockProduct product, double tolerance) const {
    const auto q = random_numbers<T>(c.queries * c.width, "q", 1);
    const auto k = random_numbers<T>(c.keys * c.width, "k", 1);
    const auto v = random_numbers<T>(c.keys * c.width, "v");
    const auto g = random_numbers<T>(c.queries * c.width, "g");
    const auto bias = random_numbers<float>(c.queries + c.keys + 1, "bias", 2);
    const Drop drop = c.drops ? Drop{77, 1U << 30U, 4.0F / 3} : Drop{};
    const PlainAttention plain(c, drop, q, k, v, bias, g);

    std::vector<T> out(q.size());
    Numbers log_sums(static_cast<std::size_t>(c.queries));
    const HeadPass<T> pass{q.data(), c.width,  c.queries,
                           k.data(), v.data(), c.width,
                           c.keys,   c.width,  c.biased ? bias.data() + c.queries : nullptr,
                           c.sight,  product,  drop};
    Scratch scratch(training_scratch(c.queries, c.keys, c.width));
    rows<T>().attend_for_training(pass, {out.data(), c.width, log_sums.data()}, scratch.data());
    expect_near(out, plain.out, tolerance, "out");
    expect_near(log_sums, plain.log_sums, tolerance, "log sum");

    std::vector<T> gq(q.size());
    std::vector<T> gk(k.size());
    std::vector<T> gv(v.size());
    Numbers gb(plain.bias_gradient.size());
    rows<T>().attend_gradient(
        pass,
        {out.data(), g.data(), c.width, log_sums.data(), gq.data(), c.width, gk.data(), gv.data(), c.width, gb.data()},
        scratch.data());
    expect_near(gq, plain.query_gradient, 2 * tolerance, "query gradient");
    expect_near(gk, plain.key_gradient, 2 * tolerance, "key gradient");
    expect_near(gv, plain.value_gradient, tolerance, "value gradient");
    expect_near(gb, plain.bias_gradient, 2 * tolerance, "bias gradient");
  }
};
INSTANTIATE_TEST_SUITE_P(Cpu, TrainingOnEveryUnit, ::testing::ValuesIn(all_kernels()), [](const auto& unit) {
  return "Lanes" + std::to_string(unit.param->panel / 2) + "Number" + std::to_string(unit.index);
});

TEST_P(TrainingOnEveryUnit, AttendsForwardAndBackwardAsThePlainFormulaSays) {
  for (const AttentionCase& c : attention_cases()) {
    SCOPED_TRACE(std::to_string(c.queries) + " x " + std::to_string(c.keys) + " x " + std::to_string(c.width));
    expect_attention<float>(c, nullptr, 5e-6);
    expect_attention<Bf16>(c, nullptr, 1.0 / 128);
    expect_attention<Bf16>(c, plain_product, 1.0 / 48);
  }
}

TEST_P(TrainingOnEveryUnit, PropagatesThroughNorms) {
  constexpr double epsilon = 1e-6;
  for (const std::int64_t width : {1, 17, 64}) {
    constexpr std::int64_t count = 5;
    const auto x = random_numbers<float>(count * width, "x", 3);
    const auto w = random_numbers<float>(width, "w");
    const auto g = random_numbers<Bf16>(count * width, "g");
    Numbers gx(x.size(), 0.25F);
    Numbers gw(w.size(), 0.5F);
    rows<Bf16>().norm_gradient({x.data(), w.data(), epsilon, g.data(), gx.data(), gw.data(), count, width});
    Exact expected_x(x.size(), 0.25);
    Exact expected_w(w.size(), 0.5);
    for (std::int64_t r = 0; r < count; ++r) {
      double squares = 0;
      double along = 0;
      for (std::int64_t i = 0; i < width; ++i) {
        squares += at(x, r * width + i) * at(x, r * width + i);
        along += at(x, r * width + i) * at(w, i) * at(g, r * width + i);
      }
      const double inverse = 1 / std::sqrt(squares / static_cast<double>(width) + epsilon);
      for (std::int64_t i = 0; i < width; ++i) {
        const double value = at(x, r * width + i);
        expected_x[static_cast<std::size_t>(r * width + i)] +=
            inverse *
            (at(w, i) * at(g, r * width + i) - value * inverse * inverse * along / static_cast<double>(width));
        expected_w[static_cast<std::size_t>(i)] += at(g, r * width + i) * value * inverse;
      }
    }
    expect_near(gx, expected_x, 1e-5, "x");
    expect_near(gw, expected_w, 1e-5, "weight");
  }
}

TEST_P(TrainingOnEveryUnit, PropagatesThroughGatedGelu) {
  constexpr std::int64_t count = 3;
  constexpr std::int64_t width = 21;
  const auto hidden = random_numbers<float>(2 * count * width, "hidden", 4);
  const auto g = random_numbers<float>(count * width, "g");
  Numbers out(g.size());
  Numbers gh(hidden.size());
  rows<float>().gated_gelu_gradient({hidden.data(), g.data(), out.data(), gh.data(), count, width});
  const auto gelu = [](double u) {
    return 0.5 * u * (1 + std::tanh(std::sqrt(2 / M_PI) * (u + 0.044715 * u * u * u)));
  };
  for (std::int64_t r = 0; r < count; ++r) {
    for (std::int64_t i = 0; i < width; ++i) {
      const double u = at(hidden, 2 * r * width + i);
      const double v = at(hidden, 2 * r * width + width + i);
      const double upstream = at(g, r * width + i);
      const double slope = (gelu(u + 1e-5) - gelu(u - 1e-5)) / 2e-5;
      EXPECT_NEAR(at(out, r * width + i), gelu(u) * v, 2e-5);
      EXPECT_NEAR(at(gh, 2 * r * width + i), upstream * v * slope, 2e-5);
      EXPECT_NEAR(at(gh, 2 * r * width + width + i), upstream * gelu(u), 2e-5);
    }
  }
}

TEST_P(TrainingOnEveryUnit, UpdatesAsAdamW) {
  constexpr std::int64_t count = 37;
  Numbers w = random_numbers<float>(count, "w");
  const auto g = random_numbers<float>(count, "g");
  Numbers m = random_numbers<float>(count, "m", 0.1);
  Numbers v(static_cast<std::size_t>(count), 1e-6F);
  const Numbers before = w;
  const Numbers m_before = m;
  kernels.adamw({w.data(), g.data(), m.data(), v.data(), count, 0.5F, 0.1F, 0.999F, 0.001F, 1e-8F, 0.01F, 0.99F, 2.0F});
  for (std::int64_t i = 0; i < count; ++i) {
    const double gradient = 0.5 * at(g, i);
    const double first = 0.9 * at(m_before, i) + 0.1 * gradient;
    const double second = 0.999 * 1e-6 + 0.001 * gradient * gradient;
    EXPECT_NEAR(at(m, i), first, 1e-6);
    EXPECT_NEAR(at(v, i), second, 1e-6 * second);
    const double change = 0.01 * first / (2 * std::sqrt(second) + 1e-8);
    EXPECT_NEAR(at(w, i), at(before, i) * 0.99 - change, 1e-6 * (1 + std::abs(change)));
  }
}

TEST_P(TrainingOnEveryUnit, SumsSquaresInFloat64) {
  Numbers x(10'001, 1e-3F);
  x[5000] = 1e4F;
  double expected = 0;
  for (const float number : x) expected += static_cast<double>(number) * static_cast<double>(number);
  EXPECT_NEAR(kernels.sum_squares(x.data(), static_cast<std::int64_t>(x.size())), expected, 1e-9 * expected);
}

}  // namespace
}  // namespace westofn::cpu
