// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "cpu/units.h"

namespace westofn::cpu {
namespace {

constexpr std::int64_t widest_panel = 32;
constexpr std::int64_t most_rows = 12;

std::int64_t round_up(std::int64_t n, std::int64_t step) { return (n + step - 1) / step * step; }

}  // namespace

std::int64_t attend_scratch(std::int64_t tokens, std::int64_t width) {
  return most_rows * (width + round_up(tokens, widest_panel) + widest_panel);
}

std::int64_t training_scratch(std::int64_t queries, std::int64_t keys, std::int64_t width) {
  // The sizes of attention_gradient.h with every number as wide as a float, and room to align each piece.
  constexpr std::int64_t block_of_queries = 64;
  constexpr std::int64_t block_of_keys = 32;
  constexpr std::int64_t alignment = 320;
  const std::int64_t q = round_up(queries, widest_panel);
  const std::int64_t k = round_up(keys, widest_panel);
  const std::int64_t w = round_up(width, widest_panel);
  const std::int64_t forward = 2 * w * k + block_of_queries * (2 * k + 2 * w);
  const std::int64_t backward = 5 * w * q + w * k + block_of_keys * (5 * q + 2 * w) + 2 * q + k + widest_panel;
  return (forward > backward ? forward : backward) + alignment;
}

std::int64_t panel_numbers(const Kernels& kernels, std::int64_t out, std::int64_t in) {
  return round_up(out, kernels.panel) * in;
}

float* scratch(std::int64_t numbers) {
  thread_local std::vector<float> memory;
  if (memory.size() < static_cast<std::size_t>(numbers)) memory.resize(static_cast<std::size_t>(numbers));
  return memory.data();
}

bool multiplies_bf16() {
#ifdef WESTOFN_X86_KERNELS
  return __builtin_cpu_supports("avx512bf16") != 0;
#else
  return false;
#endif
}

std::vector<const Kernels*> runnable_kernels() {
  std::vector<const Kernels*> runnable = {&baseline_kernels()};
#ifdef WESTOFN_X86_KERNELS
  const auto has = [](auto... answers) { return (... && (answers != 0)); };
  const bool v3 = has(__builtin_cpu_supports("avx2"), __builtin_cpu_supports("fma"), __builtin_cpu_supports("bmi2"));
  if (v3) runnable.push_back(&x86_v3_kernels());
  if (v3 &&
      has(__builtin_cpu_supports("avx512f"), __builtin_cpu_supports("avx512bw"), __builtin_cpu_supports("avx512cd"),
          __builtin_cpu_supports("avx512dq"), __builtin_cpu_supports("avx512vl"))) {
    runnable.push_back(&x86_v4_kernels());
  }
#endif
  return runnable;
}

const Kernels& best_kernels() {
  static const Kernels& best = *runnable_kernels().back();
  return best;
}

}  // namespace westofn::cpu
