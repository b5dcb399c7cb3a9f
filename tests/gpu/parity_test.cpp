// SPDX-License-Identifier: Apache-2.0
// The same random models on the CPU and on a device: states, samples and the three scores.
//
//   gpu_parity_test --toy DIR [--device cuda|cpu]      cpu runs the same lines without a GPU, with other batches
//
// Tolerances in float32 are those of two correct orders of adding up: logits 1e-4, probabilities and rewards 1e-5,
// log-likelihoods 2e-4 for 64 tokens. In bfloat16 a device may be as far from float32 as the CPU is, within a factor.
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>

#include "calls.h"
#include "parity.h"
#include "util/philox.h"

namespace westofn::testing {
namespace {

using tokenizer::Tokens;

at::Device device = at::kCUDA;
std::string toy_folder;

}  // namespace

at::Device tested_device() { return device; }

std::vector<Kind> kinds() {
  model::T5Config gated;  // v1.1, LM-adapted and FLAN
  gated.vocab_size = 152;
  gated.d_model = 128;
  gated.d_kv = 64;
  gated.d_ff = 256;
  gated.num_layers = gated.num_decoder_layers = 2;
  gated.num_heads = 2;
  model::T5Config tied = gated;  // v1.0
  tied.feed_forward = model::FeedForward::relu;
  tied.tie_word_embeddings = tied.scale_decoder_outputs = true;
  model::T5Config wide = gated;  // heads together wider than the model, as in v1.1 small and in 11B
  wide.num_heads = 5;
  model::T5Config uneven = gated;  // odd widths, a decoder deeper than its encoder
  uneven.d_kv = 20;
  uneven.d_ff = 200;
  uneven.num_heads = 3;
  uneven.num_layers = 1;
  uneven.num_decoder_layers = 4;
  return {{"Gated", gated}, {"Tied", tied}, {"Wide", wide}, {"Uneven", uneven}};
}

namespace {

/// Tokens of a list that is `length` long, the end token included.
Tokens some_tokens(int length, int salt) {
  Tokens tokens;
  for (int i = 1; i < length; ++i) tokens.push_back(2 + (i * i * 7 + salt * 31 + i) % 140);
  tokens.push_back(1);
  return tokens;
}

}  // namespace

std::vector<Tokens> token_lists(std::initializer_list<int> lengths, int salt) {
  std::vector<Tokens> lists;
  for (const int length : lengths) lists.push_back(some_tokens(length, salt + static_cast<int>(lists.size())));
  return lists;
}

namespace {

std::vector<Tokens> sources() { return token_lists({1, 7, 130, 64, 33, 2, 65, 190}, 0); }
std::vector<Tokens> targets() { return token_lists({5, 1, 40, 64, 12, 20, 9, 31}, 5); }

double largest_difference(const at::Tensor& found, const at::Tensor& expected) {
  return (found.to(at::kCPU, at::kDouble) - expected.to(at::kCPU, at::kDouble)).abs().max().item<double>();
}

double rms(const at::Tensor& values) { return values.to(at::kDouble).square().mean().sqrt().item<double>(); }

double rms_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(sum / static_cast<double>(a.size()));
}

/// The reference takes all rows at once, the candidate a few: on the CPU these are other kernels too.
const scoring::ScoringRun all_at_once{{64, 16384}};
const scoring::ScoringRun few_at_once{{3, 700}};

class DeviceParity : public ::testing::TestWithParam<Kind> {
 protected:
  [[nodiscard]] model::T5 make(at::Device where, at::ScalarType dtype) const {
    const model::T5Config& config = GetParam().config;
    model::T5 t5 = model::T5::random(config, 11, {where, dtype});
    // An untied head as T5 starts it gives logits of sqrt(d_model); the tolerances are those of a deviation of about 3.
    if (!config.tie_word_embeddings) t5.head_VD().mul_(3 / std::sqrt(static_cast<double>(config.d_model)));
    return t5;
  }
  /// What is tested: the engine as it runs on a GPU, also in the rehearsal on the CPU.
  [[nodiscard]] Subject candidate(at::ScalarType dtype) const { return subject_on_tensors(make(device, dtype)); }
  const at::NoGradGuard no_gradients_;
  const Subject reference_ = subject_of(make(at::kCPU, at::kFloat));
};
INSTANTIATE_TEST_SUITE_P(T5, DeviceParity, ::testing::ValuesIn(kinds()),
                         [](const auto& kind) { return kind.param.name; });

/// States and logits of one source and target, alone.
struct Outputs {
  at::Tensor encoder_SD, decoder_TD, logits_TV;
};

Outputs outputs_of(const model::T5& t5, const Tokens& source, const Tokens& target) {
  const at::Device where = t5.placement().device;
  const auto encoded = t5.encode(model::make_batch(std::span(&source, 1), where));
  const at::Tensor states = t5.decode(encoded, model::make_batch(std::span(&target, 1), where).ids_BS);
  return {encoded.hidden_BSD[0], states[0], t5.logits(states)[0]};
}

TEST_P(DeviceParity, StatesAndLogitsInFloat32) {
  const model::T5 candidate = make(device, at::kFloat);
  const auto inputs = sources();
  const auto decoder_inputs = targets();
  const auto encoded = candidate.encode(model::make_batch(inputs, device));
  const at::Tensor states = candidate.decode(encoded, model::make_batch(decoder_inputs, device).ids_BS);
  const at::Tensor logits = candidate.logits(states);
  double encoder = 0, decoder = 0, logit = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i);
    const auto expected = outputs_of(reference_.t5, inputs[i], decoder_inputs[i]);
    const auto S = std::ssize(inputs[i]), T = std::ssize(decoder_inputs[i]);
    encoder = std::max(encoder, largest_difference(encoded.hidden_BSD[row].narrow(0, 0, S), expected.encoder_SD));
    decoder = std::max(decoder, largest_difference(states[row].narrow(0, 0, T), expected.decoder_TD));
    logit = std::max(logit, largest_difference(logits[row].narrow(0, 0, T), expected.logits_TV));
  }
  std::printf("%s in float32: largest difference of encoder states %.2g, decoder states %.2g, logits %.2g\n",
              GetParam().name.c_str(), encoder, decoder, logit);
  EXPECT_LE(encoder, 2e-5);
  EXPECT_LE(decoder, 2e-5);
  EXPECT_LE(logit, 1e-4);
}

void expect_near(const char* what, const std::vector<double>& found, const std::vector<double>& expected,
                 double tolerance) {
  ASSERT_EQ(found.size(), expected.size());
  double largest = 0;
  for (std::size_t i = 0; i < found.size(); ++i) largest = std::max(largest, std::abs(found[i] - expected[i]));
  std::printf("  %s in float32: largest difference %.2g, allowed %.2g\n", what, largest, tolerance);
  EXPECT_LE(largest, tolerance) << what;
}

TEST_P(DeviceParity, ScoresInFloat32) {
  const Subject candidate = this->candidate(at::kFloat);
  const auto inputs = sources();
  const auto outputs = targets();
  const auto p = first_label_probabilities(candidate, inputs, few_at_once);
  const auto r = pointwise_rewards(candidate, inputs, few_at_once);
  const auto l = target_log_likelihoods(candidate, inputs, outputs, few_at_once);
  const auto p_expected = first_label_probabilities(reference_, inputs, all_at_once);
  const auto r_expected = pointwise_rewards(reference_, inputs, all_at_once);
  const auto l_expected = target_log_likelihoods(reference_, inputs, outputs, all_at_once);
  expect_near("probability", p, p_expected, 1e-5);
  expect_near("reward", r, r_expected, 1e-5);
  expect_near("log-likelihood", l, l_expected, 2e-4);
}

generation::SamplingSettings sampling() {
  generation::SamplingSettings settings;
  settings.n = 16;
  settings.max_new_tokens = 24;
  settings.seed = 3;
  return settings;
}

std::vector<generation::PromptInput> prompts() {
  std::vector<generation::PromptInput> inputs;
  for (const Tokens& tokens : token_lists({1, 40, 7, 151, 64, 33}, 3)) {
    inputs.push_back({"prompt " + std::to_string(inputs.size()), tokens});
  }
  return inputs;
}

/// How far the random number of the first token in which two samples differ is from the nearest boundary of the
/// cumulative distribution, which a plain model gives in float64.
double distance_to_boundary(const model::T5& exact, const generation::PromptInput& prompt, std::int64_t sample,
                            const Sample& a, const Sample& b) {
  const auto settings = sampling();
  std::vector<std::int64_t> prefix = {exact.config().decoder_start_token_id};
  std::size_t position = 0;
  while (position < std::min(a.tokens.size(), b.tokens.size()) && a.tokens[position] == b.tokens[position]) {
    prefix.push_back(a.tokens[position++]);
  }
  const auto source = exact.encode(model::make_batch(std::vector<Tokens>{prompt.tokens}, at::kCPU));
  const at::Tensor states = exact.decode(source, at::tensor(prefix, at::kLong).unsqueeze(0)).squeeze(0);
  const at::Tensor weights = at::softmax(exact.logits(states[states.size(0) - 1]) / settings.temperature, 0);
  const double u = Philox(settings.purpose, settings.seed, settings.round, prompt.id)
                       .uniform(static_cast<std::uint32_t>(sample), static_cast<std::uint32_t>(position));
  return (weights.cumsum(0) - u).abs().min().item<double>();
}

TEST_P(DeviceParity, SamplesInFloat32) {
  const model::T5 exact = make(at::kCPU, at::kDouble);
  const auto tokenizer = tokenizer::Tokenizer::load(toy_folder, GetParam().config.vocab_size);
  const auto found = write_samples(candidate(at::kFloat), tokenizer, prompts(), sampling(), 50);
  const auto expected = write_samples(reference_, tokenizer, prompts(), sampling(), 512);
  int samples = 0, different = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    for (std::size_t k = 0; k < expected[i].size(); ++k) {
      ++samples;
      if (found[i][k].tokens != expected[i][k].tokens) {
        ++different;
        // A draw within rounding of a boundary.
        EXPECT_LT(distance_to_boundary(exact, prompts()[i], static_cast<std::int64_t>(k), found[i][k], expected[i][k]),
                  1e-5);
        continue;
      }
      EXPECT_NEAR(found[i][k].log_likelihood, expected[i][k].log_likelihood, 2e-4);
      EXPECT_EQ(found[i][k].finished, expected[i][k].finished);
    }
  }
  std::printf("%s: %d of %d samples differ\n", GetParam().name.c_str(), different, samples);
  EXPECT_LE(different, samples / 20);
}

TEST_P(DeviceParity, StatesInBfloat16AreAsNearToFloat32AsOnTheCpu) {
  const model::T5 candidate = make(device, at::kBFloat16);
  const model::T5 narrow = make(at::kCPU, at::kBFloat16);
  const auto inputs = sources();
  const auto decoder_inputs = targets();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const auto expected = outputs_of(reference_.t5, inputs[i], decoder_inputs[i]);
    const auto here = outputs_of(narrow, inputs[i], decoder_inputs[i]);
    const auto there = outputs_of(candidate, inputs[i], decoder_inputs[i]);
    for (const auto part : {&Outputs::encoder_SD, &Outputs::decoder_TD, &Outputs::logits_TV}) {
      const double size = rms(expected.*part);
      const double error = rms((there.*part).to(at::kCPU, at::kFloat) - expected.*part) / size;
      EXPECT_LT(error, 0.05) << "row " << i;
      EXPECT_LT(error, 1e-3 + 2 * rms((here.*part).to(at::kFloat) - expected.*part) / size) << "row " << i;
    }
  }
}

TEST_P(DeviceParity, ScoresInBfloat16AreAsNearToFloat32AsTensorsOnTheCpu) {
  const Subject candidate = this->candidate(at::kBFloat16);
  const Subject narrow = subject_on_tensors(make(at::kCPU, at::kBFloat16));
  const auto inputs = sources();
  const auto outputs = targets();
  const auto compare = [&](const char* what, double size, const auto& score) {
    const auto expected = score(reference_, all_at_once);
    const double error = rms_difference(score(candidate, few_at_once), expected);
    const double usual = rms_difference(score(narrow, all_at_once), expected);
    std::printf("%s: %s in bfloat16, rms from float32: %.2g here, %.2g on the CPU\n", GetParam().name.c_str(), what,
                error, usual);
    EXPECT_LT(error, 2 * usual + 0.01 * size) << what;
    EXPECT_LT(error, 0.1 * size) << what;
  };
  compare("probability", 1,
          [&](const auto& t5, const auto& run) { return first_label_probabilities(t5, inputs, run); });
  compare("reward", 1, [&](const auto& t5, const auto& run) { return pointwise_rewards(t5, inputs, run); });
  compare("log-likelihood", 23,  // the mean target has 23 tokens
          [&](const auto& t5, const auto& run) { return target_log_likelihoods(t5, inputs, outputs, run); });
}

TEST_P(DeviceParity, LikelihoodsOfSamplesInBfloat16AreThoseOfTheirTokens) {
  const auto tokenizer = tokenizer::Tokenizer::load(toy_folder, GetParam().config.vocab_size);
  const auto inputs = prompts();
  const auto pools = write_samples(candidate(at::kBFloat16), tokenizer, inputs, sampling(), 50);
  std::vector<Tokens> rows, written;
  std::vector<double> found;
  for (std::size_t i = 0; i < pools.size(); ++i) {
    for (const Sample& sample : pools[i]) {
      rows.push_back(inputs[i].tokens);
      written.push_back(sample.tokens);
      found.push_back(sample.log_likelihood / static_cast<double>(sample.tokens.size()));
    }
  }
  auto expected = target_log_likelihoods(reference_, rows, written, all_at_once);
  for (std::size_t i = 0; i < rows.size(); ++i) expected[i] /= static_cast<double>(written[i].size());
  const double error = rms_difference(found, expected);
  std::printf("%s: likelihood of bfloat16 samples, rms from float32: %.2g nats a token\n", GetParam().name.c_str(),
              error);
  EXPECT_LT(error, 0.1);
}

TEST(Device, MultipliesFloat32InFloat32) {
  const at::NoGradGuard no_gradients;
  EXPECT_FALSE(at::globalContext().allowTF32CuBLAS()) << "TF32 keeps 10 bits of the numbers that it multiplies";
  const at::Tensor a = at::randn({512, 512}), b = at::randn({512, 512});
  const at::Tensor expected = at::matmul(a.to(at::kDouble), b.to(at::kDouble));
  const at::Tensor found = at::matmul(a.to(device), b.to(device));
  EXPECT_LT(largest_difference(found, expected) / expected.abs().max().item<double>(), 1e-5);  // TF32: about 5e-4
}

}  // namespace

/// Nothing if the arguments are right, else what is wrong.
std::string take_arguments(int argc, char** argv) {
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 == argc) return std::string(argv[i]) + " needs a value";
    const std::string name = argv[i], value = argv[i + 1];
    if (name == "--toy") {
      toy_folder = value;
    } else if (name == "--device" && (value == "cpu" || value == "cuda")) {
      device = value == "cpu" ? at::kCPU : at::kCUDA;
    } else {
      return "unknown argument " + name + " " + value;
    }
  }
  return toy_folder.empty() ? "--toy DIR is missing" : "";
}

}  // namespace westofn::testing

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  if (const std::string wrong = westofn::testing::take_arguments(argc, argv); !wrong.empty()) {
    std::fprintf(stderr, "gpu_parity_test: %s\n", wrong.c_str());
    return 2;
  }
  if (westofn::testing::device.is_cuda() && at::getNumGPUs() == 0) {
    std::printf("no GPU here: skipped\n");
    return 77;
  }
  at::set_num_threads(1);  // small products: more threads only wait for one another
  return RUN_ALL_TESTS();
}
