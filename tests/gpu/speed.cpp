// SPDX-License-Identifier: Apache-2.0
// How fast T5 models of all sizes generate and score on a device, beside the least time that it could take.
//
//   gpu_speed --toy DIR [--device cuda|cpu] [--seconds 300] [--tiny]
//
// The weights are random bfloat16 numbers made on the device. Every figure is the best of up to three runs after one to
// warm up; `*`: no time was left for a run after that one. --tiny: one small model, to rehearse on a CPU.
#include <ATen/Context.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/zeros.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "calls.h"
#include "comm/device/device_info.h"
#include "support/device_t5.h"
#include "support/speed_floor.h"
#include "util/clock.h"

namespace westofn::testing {
namespace {

struct Arguments {
  at::Device device = at::kCUDA;
  std::string toy_folder;
  double seconds = 300;
  bool tiny = false;
};

/// What is measured of each model.
struct Workload {
  std::int64_t samples = 64;
  std::int64_t source = 512;
  std::int64_t written = 48;
  std::int64_t scored = 608;  ///< tokens of an input
  std::size_t inputs = 64;    ///< that are scored in one run
  std::vector<std::int64_t> prompts = {1, 2, 4, 8};
};

struct Shape {
  std::string name;
  model::T5Config config;
};

std::vector<Shape> shapes(bool tiny) {
  if (tiny) return {{"tiny", v1_1_config(64, 128, 2, 2)}};
  return {{"small", v1_1_config(512, 1024, 8, 6)},
          {"base", v1_1_config(768, 2048, 12, 12)},
          {"large", v1_1_config(1024, 2816, 24, 16)},
          {"XL", v1_1_config(2048, 5120, 24, 32)},
          {"XXL", v1_1_config(4096, 10240, 24, 64)}};
}

Workload workload(bool tiny) {
  if (!tiny) return {};
  return {.samples = 8, .source = 32, .written = 6, .scored = 48, .inputs = 8, .prompts = {1, 2}};
}

/// Waits for what the device was told: a number of it can only be read when it is there.
void wait_for(const at::Tensor& tensor) { (void)tensor.flatten()[0].item<float>(); }

double seconds_of(const std::function<void()>& work) {
  const double start = steady_seconds();
  work();
  return steady_seconds() - start;
}

/// The best rate of several runs of `work`, which does `amount` and leaves its result in a tensor.
double best_rate(double amount, int runs, const std::function<at::Tensor()>& work) {
  wait_for(work());
  double best = 0;
  for (int i = 0; i < runs; ++i) best = std::max(best, amount / seconds_of([&] { wait_for(work()); }));
  return best;
}

DeviceRate measure_device(at::Device device) {
  const std::int64_t bytes = device.is_cpu() ? 1 << 26 : 1LL << 30;
  const std::int64_t width = device.is_cpu() ? 512 : 8192;
  const at::TensorOptions options = at::TensorOptions(device).dtype(at::kBFloat16);
  DeviceRate rate;
  {
    const at::Tensor from = at::zeros({bytes / 2}, options), to = at::empty({bytes / 2}, options);
    rate.bytes_per_s = best_rate(2.0 * static_cast<double>(bytes), 10, [&] { return to.copy_(from); });
  }
  const at::Tensor a = at::empty({width, width}, options).normal_(), b = at::empty({width, width}, options).normal_();
  const auto w = static_cast<double>(width);
  rate.flop_per_s = best_rate(2 * w * w * w, 10, [&] { return at::linear(a, b); });
  return rate;
}

/// Seconds of one run, and whether it was the first one.
struct Timing {
  double seconds = 0;
  bool cold = true;
};

/// Runs `work` until `deadline`, at most four times.
Timing time_work(double deadline, const std::function<void()>& work) {
  Timing timing{seconds_of(work), true};
  double longest = timing.seconds;
  for (int i = 0; i < 3 && steady_seconds() + longest < deadline; ++i) {
    const double seconds = seconds_of(work);
    timing = {timing.cold ? seconds : std::min(timing.seconds, seconds), false};
    longest = std::max(longest, seconds);
  }
  return timing;
}

tokenizer::Tokens some_tokens(std::int64_t length, std::int64_t salt) {
  tokenizer::Tokens tokens;
  for (std::int64_t i = 1; i < length; ++i) {
    tokens.push_back(static_cast<tokenizer::TokenId>(2 + (i * i * 7 + salt * 31 + i) % 30000));
  }
  tokens.push_back(1);
  return tokens;
}

void print_row(const std::string& name, const std::string& what, double units, double tokens, const Timing& timing,
               double floor_s) {
  std::printf("%-6s %-16s %12.3f%s %12.0f %12.3f %8.2f\n", name.c_str(), what.c_str(), 1e3 * timing.seconds / units,
              timing.cold ? "*" : " ", tokens / timing.seconds, 1e3 * floor_s / units, timing.seconds / floor_s);
}

/// Measures one model; each of its figures gets a like part of the time until `deadline`.
class ModelSpeed {
 public:
  ModelSpeed(const Shape& shape, const Workload& work, const Arguments& arguments, DeviceRate rate)
      : name_(shape.name),
        work_(work),
        subject_(subject_on_tensors(device_random_t5(shape.config, {arguments.device, at::kBFloat16}))),
        tokenizer_(tokenizer::Tokenizer::load(arguments.toy_folder, shape.config.vocab_size)),
        floor_(shape.config, rate) {}

  void measure(double deadline) {
    auto figures = static_cast<double>(work_.prompts.size()) + 1;
    const auto share = [&] { return steady_seconds() + (deadline - steady_seconds()) / figures--; };
    measure_scoring(share());
    for (const std::int64_t prompts : work_.prompts) {
      const double end = share();
      if (last_s_ < deadline - steady_seconds()) {
        measure_generation(prompts, end);
      } else {
        std::printf("%-6s %-16s not measured: no time left\n", name_.c_str(), generation_name(prompts).c_str());
      }
    }
  }

 private:
  static std::string generation_name(std::int64_t prompts) { return "generate P = " + std::to_string(prompts); }

  void measure_generation(std::int64_t prompts, double deadline) {
    std::vector<generation::PromptInput> inputs;
    for (std::int64_t i = 0; i < prompts; ++i) inputs.push_back({std::to_string(i), some_tokens(work_.source, i)});
    generation::SamplingSettings settings;
    settings.n = work_.samples;
    settings.max_new_tokens = settings.min_new_tokens = work_.written;
    const Timing timing = time_work(
        deadline, [&] { (void)write_samples(subject_, tokenizer_, inputs, settings, prompts * work_.samples); });
    const auto P = static_cast<double>(prompts);
    const auto N = static_cast<double>(work_.samples);
    last_s_ = timing.seconds;
    print_row(name_, generation_name(prompts), P, P * N * static_cast<double>(work_.written), timing,
              floor_.generation_s(P, N, static_cast<double>(work_.source), work_.written));
  }

  void measure_scoring(double deadline) const {
    std::vector<tokenizer::Tokens> inputs;
    for (std::size_t i = 0; i < work_.inputs; ++i) {
      inputs.push_back(some_tokens(work_.scored, static_cast<std::int64_t>(i)));
    }
    const Timing timing = time_work(deadline, [&] { (void)first_label_probabilities(subject_, inputs, {}); });
    const auto count = static_cast<double>(inputs.size());
    const auto tokens = static_cast<double>(work_.scored);
    print_row(name_, "score", count, count * tokens, timing, count * floor_.scoring_s(tokens));
  }

  std::string name_;
  Workload work_;
  Subject subject_;
  tokenizer::Tokenizer tokenizer_;
  SpeedFloor floor_;
  double last_s_ = 0;  ///< of the last run of generation: the next one, with more prompts, takes longer
};

/// What is left to say if the weights and what is computed with them do not fit into the device.
std::optional<std::string> obstacle(const Shape& shape, at::Device device) {
  if (device.is_cpu()) return std::nullopt;
  constexpr double working_gb = 16;  // caches, logits and activations of the largest workload
  // Two bytes a weight, twice: the random model and what the engine makes of it.
  const double needed = 2 * 2 * SpeedFloor(shape.config, {1, 1}).weights() / 1e9 + working_gb;
  const double there = static_cast<double>(comm::list_gpus().at(0).bytes) / 1e9;
  if (needed <= there) return std::nullopt;
  return "needs about " + std::to_string(static_cast<int>(needed)) + " GB, the device has " +
         std::to_string(static_cast<int>(there));
}

int run(const Arguments& arguments) {
  const at::NoGradGuard no_gradients;
  const double deadline = steady_seconds() + arguments.seconds;
  const Workload work = workload(arguments.tiny);
  const DeviceRate rate = measure_device(arguments.device);
  std::printf("device: %s; copy %.3g B/s, bfloat16 product %.3g FLOP/s\n",
              arguments.device.is_cpu() ? "CPU" : comm::list_gpus().at(0).name.c_str(), rate.bytes_per_s,
              rate.flop_per_s);
  std::printf("%s samples of %s tokens for prompts of %s tokens; scored inputs of %s tokens; bfloat16\n\n",
              std::to_string(work.samples).c_str(), std::to_string(work.written).c_str(),
              std::to_string(work.source).c_str(), std::to_string(work.scored).c_str());
  std::printf("%-6s %-16s %13s %12s %12s %8s\n", "model", "work", "ms/input ", "tokens/s", "floor, ms", "ratio");
  const auto all = shapes(arguments.tiny);
  int failed = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const double now = steady_seconds();
    if (const auto why = obstacle(all[i], arguments.device); why || now >= deadline) {
      std::printf("%-6s not measured: %s\n", all[i].name.c_str(), why ? why->c_str() : "no time left");
      continue;
    }
    try {
      ModelSpeed(all[i], work, arguments, rate).measure(now + (deadline - now) / static_cast<double>(all.size() - i));
    } catch (const std::exception& e) {
      ++failed;
      std::printf("%-6s failed: %s\n", all[i].name.c_str(), e.what());
    }
  }
  return failed == 0 ? 0 : 1;
}

/// Nothing if the arguments are right, else what is wrong.
std::string take_arguments(int argc, char** argv, Arguments& arguments) {
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--tiny") {
      arguments.tiny = true;
      continue;
    }
    if (++i == argc) return name + " needs a value";
    const std::string value = argv[i];
    if (name == "--toy") {
      arguments.toy_folder = value;
    } else if (name == "--device" && (value == "cpu" || value == "cuda")) {
      arguments.device = value == "cpu" ? at::kCPU : at::kCUDA;
    } else if (name == "--seconds" && std::atof(value.c_str()) > 0) {
      arguments.seconds = std::atof(value.c_str());
    } else {
      return "unknown argument " + name + " " + value;
    }
  }
  return arguments.toy_folder.empty() ? "--toy DIR is missing" : "";
}

}  // namespace
}  // namespace westofn::testing

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // what was measured is seen even if the rest takes too long
  westofn::testing::Arguments arguments;
  if (const std::string wrong = westofn::testing::take_arguments(argc, argv, arguments); !wrong.empty()) {
    std::fprintf(stderr, "gpu_speed: %s\n", wrong.c_str());
    return 2;
  }
  if (arguments.device.is_cuda() && at::getNumGPUs() == 0) {
    std::printf("no GPU here: skipped\n");
    return 77;
  }
  return westofn::testing::run(arguments);
}
