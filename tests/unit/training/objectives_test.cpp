// SPDX-License-Identifier: Apache-2.0
// The objectives against formulas that go number by number in double, and their gradients against finite differences of
// these formulas.
#include "training/objectives.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <vector>

#include "util/philox.h"

namespace westofn::training {
namespace {

using Numbers = std::vector<double>;

/// Between -spread and spread.
Numbers random_numbers(const std::string& name, std::size_t count, double spread) {
  RandomSequence random(Philox("test", 1, 0, name));
  Numbers values(count);
  for (auto& value : values) value = spread * (2 * random.uniform() - 1);
  return values;
}

at::Tensor tensor_of(const Numbers& values, at::ScalarType type = at::kDouble) {
  return at::tensor(values, at::kDouble).to(type);
}

/// log sigmoid(z), also where exp is too large.
double log_sigmoid(double z) { return z < 0 ? z - std::log1p(std::exp(z)) : -std::log1p(std::exp(-z)); }

double logistic(double z, double q) { return -q * log_sigmoid(z) - (1 - q) * log_sigmoid(-z); }

/// By central differences.
Numbers differences(const std::function<double(const Numbers&)>& f, const Numbers& at) {
  constexpr double step = 1e-5;
  Numbers slopes;
  for (std::size_t i = 0; i < at.size(); ++i) {
    Numbers above = at;
    Numbers below = at;
    above[i] += step;
    below[i] -= step;
    slopes.push_back((f(above) - f(below)) / (2 * step));
  }
  return slopes;
}

void expect_near(const at::Tensor& found, const Numbers& expected, double tolerance) {
  ASSERT_EQ(found.numel(), static_cast<std::int64_t>(expected.size()));
  const at::Tensor flat = found.flatten().to(at::kDouble);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(flat[static_cast<std::int64_t>(i)].item<double>(), expected[i], tolerance) << i;
  }
}

// ---- teacher forcing ----

constexpr std::int64_t rows = 3;
constexpr std::int64_t tokens = 4;
constexpr std::int64_t vocabulary = 5;
const std::vector<std::int64_t> ids = {1, 0, 4, 2, 3, 3, 0, 0, 2, 0, 0, 0};  // 0 also stands for padding
const std::vector<std::int64_t> lengths = {4, 2, 1};

model::TokenBatch some_targets() { return {at::tensor(ids).view({rows, tokens}), at::tensor(lengths)}; }

double plain_token_loss(const Numbers& logits, double smoothing) {
  double loss = 0;
  for (std::int64_t b = 0; b < rows; ++b) {
    for (std::int64_t t = 0; t < lengths[static_cast<std::size_t>(b)]; ++t) {
      const auto begin = static_cast<std::size_t>((b * tokens + t) * vocabulary);
      double sum = 0;
      for (std::size_t v = 0; v < vocabulary; ++v) sum += std::exp(logits[begin + v]);
      const auto target = static_cast<std::size_t>(ids[static_cast<std::size_t>(b * tokens + t)]);
      loss -= (1 - smoothing) * (logits[begin + target] - std::log(sum));
      for (std::size_t v = 0; v < vocabulary; ++v) loss -= smoothing / vocabulary * (logits[begin + v] - std::log(sum));
    }
  }
  return loss;
}

TEST(TokenCrossEntropy, IsThePlainSumAndItsGradientTheSlope) {
  const Numbers logits = random_numbers("logits", rows * tokens * vocabulary, 3);
  for (const double smoothing : {0.0, 0.1, 0.5}) {
    at::Tensor leaf = tensor_of(logits).view({rows, tokens, vocabulary}).requires_grad_(true);
    const at::Tensor loss = token_cross_entropy(leaf, some_targets(), smoothing);
    EXPECT_EQ(loss.scalar_type(), at::kDouble);
    EXPECT_NEAR(loss.item<double>(), plain_token_loss(logits, smoothing), 1e-12);
    loss.backward();
    expect_near(leaf.grad(), differences([&](const Numbers& x) { return plain_token_loss(x, smoothing); }, logits),
                1e-9);
  }
}

TEST(TokenCrossEntropy, DoesNotLookAtPadding) {
  at::Tensor logits =
      tensor_of(random_numbers("logits", rows * tokens * vocabulary, 3)).view({rows, tokens, vocabulary});
  for (const double smoothing : {0.0, 0.1}) {
    at::Tensor leaf = logits.clone().requires_grad_(true);
    const double before = token_cross_entropy(leaf, some_targets(), smoothing).item<double>();
    at::Tensor changed = logits.clone();
    changed[1][2].fill_(1e4);
    changed[2][3].copy_(at::arange(vocabulary) * -1e4);
    changed.requires_grad_(true);
    const at::Tensor loss = token_cross_entropy(changed, some_targets(), smoothing);
    EXPECT_EQ(loss.item<double>(), before);
    loss.backward();
    EXPECT_EQ(changed.grad()[1].slice(0, 2).abs().max().item<double>(), 0);
    EXPECT_EQ(changed.grad()[2].slice(0, 1).abs().max().item<double>(), 0);
    EXPECT_GT(changed.grad()[2][0].abs().max().item<double>(), 0);
  }
}

TEST(TokenCrossEntropy, StaysFiniteForLargeLogits) {
  for (const double smoothing : {0.0, 0.1}) {
    for (const double size : {1e4, -1e4}) {
      at::Tensor logits = at::zeros({rows, tokens, vocabulary});
      logits.select(2, 1).fill_(size);
      logits.requires_grad_(true);
      const at::Tensor loss = token_cross_entropy(logits, some_targets(), smoothing);
      loss.backward();
      EXPECT_TRUE(std::isfinite(loss.item<double>())) << size;
      EXPECT_TRUE(at::isfinite(logits.grad()).all().item<bool>()) << size;
    }
  }
}

// ---- pairs ----

constexpr std::size_t pairs = 6;
const Numbers confidences = {1, 0.5, 0.9, 0.25, 0, 0.7};
const Numbers signs = {1, -1, -1, 1, 1, -1};
const Numbers margins = {0, 0.5, 1, 2, 0.25, 3};

/// What may be asked for of the labels.
struct LabelCase {
  bool soft;
  double smoothing;

  [[nodiscard]] PairTargets targets(at::ScalarType type = at::kDouble) const {
    return {soft ? tensor_of(confidences, type) : at::Tensor(), smoothing};
  }
  [[nodiscard]] double target(std::size_t pair) const {
    const double p = soft ? confidences[pair] : 1;
    return (1 - smoothing) * p + smoothing * (1 - p);
  }
};

const std::vector<LabelCase> label_cases = {{false, 0}, {false, 0.1}, {false, 0.5}, {true, 0}, {true, 0.2}};

TEST(TwoLabelCrossEntropy, IsThePlainSumAndItsGradientTheSlope) {
  const Numbers log_odds = random_numbers("odds", pairs, 4);
  for (const LabelCase& labels : label_cases) {
    const auto plain = [&](const Numbers& odds) {
      double loss = 0;
      for (std::size_t i = 0; i < pairs; ++i) loss += logistic(signs[i] * odds[i], labels.target(i));
      return loss;
    };
    at::Tensor leaf = tensor_of(log_odds).requires_grad_(true);
    const at::Tensor loss = two_label_cross_entropy(leaf, tensor_of(signs), labels.targets());
    EXPECT_EQ(loss.scalar_type(), at::kDouble);
    EXPECT_NEAR(loss.item<double>(), plain(log_odds), 1e-12);
    loss.backward();
    expect_near(leaf.grad(), differences(plain, log_odds), 1e-9);
  }
}

TEST(TwoLabelCrossEntropy, IsTheCrossEntropyOfASoftmaxOverBothLogits) {
  const Numbers first = random_numbers("first", pairs, 4);
  const Numbers second = random_numbers("second", pairs, 4);
  double expected = 0;
  for (std::size_t i = 0; i < pairs; ++i) {
    const double both = std::log(std::exp(first[i]) + std::exp(second[i]));
    expected -= (signs[i] > 0 ? first[i] : second[i]) - both;  // flipped: the second label is right
  }
  const at::Tensor log_odds = tensor_of(first) - tensor_of(second);
  EXPECT_NEAR(two_label_cross_entropy(log_odds, tensor_of(signs), {}).item<double>(), expected, 1e-12);
}

/// Every combination of what may be added to Bradley-Terry.
struct PairCase {
  LabelCase labels;
  bool with_margin;
  double centring;

  [[nodiscard]] BradleyTerry terms(at::ScalarType type = at::kDouble) const {
    return {labels.targets(type), with_margin ? tensor_of(margins, type) : at::Tensor(), centring};
  }
  [[nodiscard]] double plain(const Numbers& rewards) const {
    double loss = 0;
    for (std::size_t i = 0; i < pairs; ++i) {
      const double chosen = rewards[i];
      const double rejected = rewards[i + pairs];
      loss += logistic(chosen - rejected - (with_margin ? margins[i] : 0), labels.target(i)) +
              centring * (chosen + rejected) * (chosen + rejected);
    }
    return loss;
  }
};

std::vector<PairCase> all_pair_cases() {
  std::vector<PairCase> cases;
  for (const LabelCase& labels : label_cases) {
    for (const bool with_margin : {false, true}) {
      for (const double centring : {0.0, 0.01}) cases.push_back({labels, with_margin, centring});
    }
  }
  return cases;
}

at::Tensor loss_of(const at::Tensor& rewards, const BradleyTerry& terms) {
  return bradley_terry({rewards.slice(0, 0, pairs), rewards.slice(0, pairs)}, terms);
}

TEST(BradleyTerryLoss, IsThePlainSumAndItsGradientTheSlopeForEveryCombination) {
  const Numbers rewards = random_numbers("rewards", 2 * pairs, 3);
  for (const PairCase& one : all_pair_cases()) {
    at::Tensor leaf = tensor_of(rewards).requires_grad_(true);
    const at::Tensor loss = loss_of(leaf, one.terms());
    EXPECT_EQ(loss.scalar_type(), at::kDouble);
    EXPECT_NEAR(loss.item<double>(), one.plain(rewards), 1e-12);
    loss.backward();
    expect_near(leaf.grad(), differences([&](const Numbers& x) { return one.plain(x); }, rewards), 1e-8);
  }
}

TEST(BradleyTerryLoss, IsExactForDifferencesOfTenThousand) {
  for (const auto type : {at::kFloat, at::kDouble}) {
    for (const PairCase& one : all_pair_cases()) {
      for (const double size : {1e4, -1e4}) {
        Numbers rewards(2 * pairs, size / 2);
        for (std::size_t i = pairs; i < 2 * pairs; ++i) rewards[i] = -size / 2;
        at::Tensor leaf = tensor_of(rewards, type).requires_grad_(true);
        const at::Tensor loss = loss_of(leaf, one.terms(type));
        EXPECT_EQ(loss.scalar_type(), type);
        const double expected = one.plain(rewards);
        EXPECT_NEAR(loss.item<double>(), expected, (type == at::kFloat ? 1e-6 : 1e-14) * (1 + expected));
        loss.backward();
        EXPECT_TRUE(at::isfinite(leaf.grad()).all().item<bool>());
        // Sure and right: nothing to learn. Sure and wrong: a slope of one for every pair.
        const bool plain = !one.labels.soft && one.labels.smoothing == 0 && one.centring == 0;
        if (plain) expect_near(leaf.grad().slice(0, 0, pairs), Numbers(pairs, size > 0 ? 0 : -1), 1e-7);
      }
    }
  }
}

TEST(TwoLabelCrossEntropy, IsExactForLogOddsOfTenThousand) {
  for (const LabelCase& labels : label_cases) {
    for (const double size : {1e4, -1e4}) {
      at::Tensor leaf = tensor_of(Numbers(pairs, size), at::kFloat).requires_grad_(true);
      const at::Tensor loss = two_label_cross_entropy(leaf, tensor_of(signs, at::kFloat), labels.targets(at::kFloat));
      double expected = 0;
      for (std::size_t i = 0; i < pairs; ++i) expected += logistic(signs[i] * size, labels.target(i));
      EXPECT_NEAR(loss.item<double>(), expected, 1e-6 * (1 + expected));
      loss.backward();
      EXPECT_TRUE(at::isfinite(leaf.grad()).all().item<bool>());
    }
  }
}

TEST(BradleyTerryLoss, IsLeastWhereTheDifferenceIsTheLogitOfTheTargetPlusTheMargin) {
  for (const PairCase& one : all_pair_cases()) {
    if (one.centring > 0) continue;
    Numbers rewards(2 * pairs, 0);
    for (std::size_t i = 0; i < pairs; ++i) {
      const double q = one.labels.target(i);
      if (q == 0 || q == 1) continue;
      rewards[i] = std::log(q / (1 - q)) + (one.with_margin ? margins[i] : 0);
    }
    at::Tensor leaf = tensor_of(rewards).requires_grad_(true);
    loss_of(leaf, one.terms()).backward();
    for (std::size_t i = 0; i < pairs; ++i) {
      const double q = one.labels.target(i);
      if (q == 0 || q == 1) continue;
      EXPECT_NEAR(leaf.grad()[static_cast<std::int64_t>(i)].item<double>(), 0, 1e-15);
    }
  }
}

}  // namespace
}  // namespace westofn::training
