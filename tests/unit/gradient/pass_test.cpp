// SPDX-License-Identifier: Apache-2.0
// Passes with gradients against automatic differentiation of the plain model in float64.
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "gradient/first_step_pass.h"
#include "gradient/target_pass.h"
#include "model/batch.h"

namespace westofn::gradient {
namespace {

using Gradients = std::map<std::string, at::Tensor>;

enum class Kind { gated_untied, relu_tied };

model::T5Config config_of(Kind kind) {
  model::T5Config config;
  config.vocab_size = 96;
  config.d_model = 48;
  config.d_kv = 16;
  config.d_ff = 80;
  config.num_layers = 3;
  config.num_decoder_layers = 2;
  config.num_heads = 4;
  config.feed_forward = kind == Kind::gated_untied ? model::FeedForward::gated_gelu : model::FeedForward::relu;
  config.tie_word_embeddings = kind == Kind::relu_tied;
  config.scale_decoder_outputs = kind == Kind::relu_tied;
  return config;
}

/// Random weights whose attention is not flat.
model::T5 model_of(Kind kind, at::ScalarType dtype, std::uint64_t seed = 7) {
  const model::T5 exact = model::T5::random(config_of(kind), seed, {at::kCPU, at::kDouble});
  for (const auto& parameter : exact.parameters()) {
    const bool is_query = parameter.name.ends_with(".q.weight");
    const bool is_bias = parameter.name.ends_with("relative_attention_bias.weight");
    const bool is_norm = parameter.value.dim() == 1;
    parameter.value.mul_(is_query ? 3.0 : is_bias ? 0.5 : 1.0);
    if (is_norm) parameter.value.add_(0.1 * at::arange(parameter.value.numel(), at::kDouble).sin_());
  }
  model::T5 rounded = model::T5::random(config_of(kind), seed, {at::kCPU, dtype});
  const auto from = exact.parameters();
  const auto to = rounded.parameters();
  for (std::size_t i = 0; i < to.size(); ++i) to[i].value.copy_(from[i].value);
  return rounded;
}

std::vector<tokenizer::Tokens> sequences(std::initializer_list<std::int64_t> lengths, tokenizer::TokenId salt) {
  std::vector<tokenizer::Tokens> result;
  for (const std::int64_t length : lengths) {
    tokenizer::Tokens tokens;
    for (std::int64_t i = 0; i + 1 < length; ++i) {
      tokens.push_back(static_cast<tokenizer::TokenId>(2 + (17 * i + 31 * length + salt) % 90));
    }
    tokens.push_back(1);
    result.push_back(tokens);
  }
  return result;
}

/// A float64 copy with gradients on.
model::T5 exact_copy(const model::T5& t5) {
  model::T5 copy = model::T5::random(t5.config(), 1, {at::kCPU, at::kDouble});
  const auto from = t5.parameters();
  const auto to = copy.parameters();
  for (std::size_t i = 0; i < to.size(); ++i) {
    to[i].value.copy_(from[i].value);
    at::Tensor(to[i].value).requires_grad_(true);
  }
  return copy;
}

Gradients gradients_of(const model::T5& t5) {
  Gradients result;
  for (const auto& parameter : t5.parameters()) {
    const at::Tensor gradient = parameter.value.grad();
    result[parameter.name] = gradient.defined() ? gradient : at::zeros_like(parameter.value);
  }
  return result;
}

/// Sorts what is handed out by name; fails if a weight comes twice.
class Collector {
 public:
  explicit Collector(const model::T5& t5) : parameters_(t5.parameters()) {}

  [[nodiscard]] GradientSink sink() {
    return [this](const at::Tensor& weight, const at::Tensor& gradient) {
      for (const auto& parameter : parameters_) {
        if (!parameter.value.is_same(weight)) continue;
        EXPECT_FALSE(found_.contains(parameter.name)) << parameter.name;
        found_[parameter.name] = gradient.defined() ? gradient.to(at::kDouble) : at::zeros_like(weight, at::kDouble);
        return;
      }
      ADD_FAILURE() << "a gradient of no weight";
    };
  }
  [[nodiscard]] const Gradients& found() const { return found_; }

 private:
  std::vector<model::Parameter> parameters_;
  Gradients found_;
};

/// Every gradient but those of names in `missing` was handed out and is near: the largest difference is below
/// `tolerance` times the largest number.
void expect_near(const Gradients& found, const Gradients& expected, double tolerance, const std::string& missing) {
  for (const auto& [name, gradient] : expected) {
    if (name == missing) {
      EXPECT_FALSE(found.contains(name)) << name;
      continue;
    }
    ASSERT_TRUE(found.contains(name)) << name;
    const double scale = gradient.abs().max().item<double>();
    const double difference = (found.at(name) - gradient).abs().max().item<double>();
    EXPECT_LE(difference, tolerance * scale + 1e-300) << name << " of size " << scale;
  }
}

const auto source_tokens = sequences({9, 1, 70, 33}, 3);
const auto target_tokens = sequences({4, 12, 1, 7}, 50);

at::Tensor upstream(std::int64_t rows, std::int64_t width) {
  const at::Tensor numbers = at::arange(rows * width, at::kDouble).mul_(0.7).sin_();
  return numbers.view({rows, width});
}

/// Rows of targets, one behind the other, of a padded tensor.
at::Tensor rows_of(const at::Tensor& x_BTD, const std::vector<tokenizer::Tokens>& targets) {
  std::vector<at::Tensor> rows;
  for (std::size_t b = 0; b < targets.size(); ++b) {
    rows.push_back(x_BTD[static_cast<std::int64_t>(b)].narrow(0, 0, static_cast<std::int64_t>(targets[b].size())));
  }
  return at::cat(rows);
}

struct Outcome {
  at::Tensor states;
  Gradients gradients;
};

Outcome plain_first_step(const model::T5& t5) {
  const model::T5 exact = exact_copy(t5);
  const at::Tensor states = exact.first_state(model::make_batch(source_tokens, at::kCPU));
  (states * upstream(states.size(0), states.size(1))).sum().backward();
  return {states.detach(), gradients_of(exact)};
}

Outcome plain_targets(const model::T5& t5) {
  const model::T5 exact = exact_copy(t5);
  std::vector<tokenizer::Tokens> inputs;
  for (const auto& target : target_tokens) {
    inputs.push_back({0});
    inputs.back().insert(inputs.back().end(), target.begin(), target.end() - 1);
  }
  const at::Tensor decoded = exact.decode(exact.encode(model::make_batch(source_tokens, at::kCPU)),
                                          model::make_batch(inputs, at::kCPU).ids_BS);
  const at::Tensor states = rows_of(decoded, inputs);
  (states * upstream(states.size(0), states.size(1))).sum().backward();
  return {states.detach(), gradients_of(exact)};
}

struct Way {
  std::unique_ptr<Operations> operations;
  Keep keep = Keep::activations;
  double dropout = 0;
};

DropoutSource dropout_source(double rate) { return {rate, {11, 222, 3333, 44444}}; }

Outcome first_step(const model::T5& t5, Way way) {
  const at::NoGradGuard no_grad;
  const Network network(t5, std::move(way.operations));
  const DropoutSource dropout = dropout_source(way.dropout);
  FirstStepPass pass({network, dropout, way.keep});
  const at::Tensor states = pass.forward(source_tokens);
  Collector collector(t5);
  pass.backward(upstream(states.size(0), states.size(1)).to(states.scalar_type()), {}, collector.sink());
  return {states.to(at::kDouble), collector.found()};
}

Outcome targets(const model::T5& t5, Way way) {
  const at::NoGradGuard no_grad;
  const Network network(t5, std::move(way.operations));
  const DropoutSource dropout = dropout_source(way.dropout);
  TargetPass pass({network, dropout, way.keep});
  const at::Tensor all = pass.forward(source_tokens, target_tokens);
  std::vector<at::Tensor> rows;
  std::vector<at::Tensor> places;
  for (std::size_t b = 0; b < target_tokens.size(); ++b) {
    rows.push_back(all.narrow(0, pass.layout().begins[b], pass.layout().lengths[b]));
  }
  const at::Tensor states = at::cat(rows);
  const at::Tensor above = upstream(states.size(0), states.size(1)).to(all.scalar_type());
  at::Tensor gradient = at::zeros_like(all);
  std::int64_t row = 0;
  for (std::size_t b = 0; b < target_tokens.size(); ++b) {
    gradient.narrow(0, pass.layout().begins[b], pass.layout().lengths[b])
        .copy_(above.narrow(0, row, pass.layout().lengths[b]));
    row += pass.layout().lengths[b];
  }
  Collector collector(t5);
  pass.backward(gradient, {}, collector.sink());
  return {states.to(at::kDouble), collector.found()};
}

/// The head is not the passes' business; a tied one is the embedding.
std::string head_of(Kind kind) { return kind == Kind::gated_untied ? "lm_head.weight" : ""; }

struct Case {
  Kind kind;
  at::ScalarType dtype;
  double tolerance;
};

std::unique_ptr<Operations> operations_of(const Case& c) {
  return make_operations(config_of(c.kind), {at::kCPU, c.dtype});
}

class Pass : public ::testing::TestWithParam<Case> {};

TEST_P(Pass, OfOneStepHasTheGradientsOfThePlainModel) {
  const Case c = GetParam();
  const model::T5 t5 = model_of(c.kind, c.dtype);
  const Outcome expected = plain_first_step(t5);
  for (const Keep keep : {Keep::activations, Keep::inputs}) {
    const Outcome found = first_step(t5, {operations_of(c), keep});
    EXPECT_LE((found.states - expected.states).abs().max().item<double>(),
              c.tolerance * expected.states.abs().max().item<double>());
    expect_near(found.gradients, expected.gradients, c.tolerance, head_of(c.kind));
  }
}

TEST_P(Pass, OfTargetsHasTheGradientsOfThePlainModel) {
  const Case c = GetParam();
  const model::T5 t5 = model_of(c.kind, c.dtype);
  const Outcome expected = plain_targets(t5);
  for (const Keep keep : {Keep::activations, Keep::inputs}) {
    const Outcome found = targets(t5, {operations_of(c), keep});
    EXPECT_LE((found.states - expected.states).abs().max().item<double>(),
              c.tolerance * expected.states.abs().max().item<double>());
    expect_near(found.gradients, expected.gradients, c.tolerance, head_of(c.kind));
  }
}

INSTANTIATE_TEST_SUITE_P(Types, Pass,
                         ::testing::Values(Case{Kind::gated_untied, at::kDouble, 1e-12},
                                           Case{Kind::relu_tied, at::kDouble, 1e-12},
                                           Case{Kind::gated_untied, at::kFloat, 2e-5},
                                           Case{Kind::relu_tied, at::kFloat, 2e-5}));

/// The mean over all weights of |found - expected| / |expected|.
double distance(const Gradients& found, const Gradients& expected) {
  double sum = 0;
  for (const auto& [name, gradient] : found) {
    const double size = expected.at(name).norm().item<double>();
    if (size > 0) sum += (gradient - expected.at(name)).norm().item<double>() / size;
  }
  return sum / static_cast<double>(found.size());
}

/// What automatic differentiation of the plain model gives in its own type.
Gradients in_own_type(const model::T5& t5, const std::string& head) {
  const model::T5 copy = t5.clone();
  for (const auto& parameter : copy.parameters()) at::Tensor(parameter.value).requires_grad_(true);
  const at::Tensor states = copy.first_state(model::make_batch(source_tokens, at::kCPU));
  (states.to(at::kDouble) * upstream(states.size(0), states.size(1))).sum().backward();
  Gradients gradients = gradients_of(copy);
  for (auto& [name, gradient] : gradients) gradient = gradient.to(at::kDouble);
  gradients.erase(head);
  return gradients;
}

TEST(PassInBfloat16, IsNoFurtherFromTheExactGradientsThanThePlainModel) {
  // Over several models: in a small one a single ReLU whose input is rounded across 0 outweighs everything else.
  for (const Kind kind : {Kind::gated_untied, Kind::relu_tied}) {
    const Case c{kind, at::kBFloat16, 0};
    double plain = 0;
    double of_first_step = 0;
    double of_targets = 0;
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
      const model::T5 t5 = model_of(kind, at::kBFloat16, seed);
      const Gradients exact = plain_first_step(t5).gradients;
      plain += distance(in_own_type(t5, head_of(kind)), exact);
      of_first_step += distance(first_step(t5, {operations_of(c)}).gradients, exact);
      of_targets += distance(targets(t5, {operations_of(c)}).gradients, plain_targets(t5).gradients);
    }
    EXPECT_LT(of_first_step, plain);
    EXPECT_LT(of_targets, 1.5 * plain);
    RecordProperty(kind == Kind::relu_tied ? "relu" : "gated", std::to_string(of_first_step / plain));
  }
}

TEST(Dropout, DropsTheSameNumbersInKernelsAndInTensors) {
  for (const Kind kind : {Kind::gated_untied, Kind::relu_tied}) {
    const model::T5 t5 = model_of(kind, at::kFloat);
    const auto with = [&](bool kernels) {
      const model::Placement placement{at::kCPU, at::kFloat};
      return Way{kernels ? make_cpu_operations(config_of(kind), at::kFloat)
                         : make_tensor_operations(config_of(kind), placement),
                 Keep::activations, 0.2};
    };
    const Outcome by_tensors = first_step(t5, with(false));
    const Outcome by_kernels = first_step(t5, with(true));
    EXPECT_LE((by_kernels.states - by_tensors.states).abs().max().item<double>(), 1e-4);
    expect_near(by_kernels.gradients, by_tensors.gradients, 1e-4, head_of(kind));
    const Outcome targets_by_tensors = targets(t5, with(false));
    const Outcome targets_by_kernels = targets(t5, with(true));
    EXPECT_LE((targets_by_kernels.states - targets_by_tensors.states).abs().max().item<double>(), 1e-4);
    expect_near(targets_by_kernels.gradients, targets_by_tensors.gradients, 1e-4, head_of(kind));
    // And it does drop: without, the states are others.
    const Outcome whole = first_step(t5, {make_cpu_operations(config_of(kind), at::kFloat)});
    EXPECT_GT((whole.states - by_kernels.states).abs().max().item<double>(), 0.1);
  }
}

}  // namespace
}  // namespace westofn::gradient
