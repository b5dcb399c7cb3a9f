// SPDX-License-Identifier: Apache-2.0
// The decoder cache of the CPU backend. Rows may leave and come at any step: nothing is copied.
#pragma once

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <vector>

#include "cpu/kernels.h"
#include "inference/backend.h"

namespace westofn::inference {

template <class T>
constexpr at::ScalarType scalar_type_of = at::kFloat;
template <>
inline constexpr at::ScalarType scalar_type_of<cpu::Bf16> = at::kBFloat16;

template <class T>
[[nodiscard]] const cpu::RowKernels<T>& kernels_of();
template <>
inline const cpu::RowKernels<float>& kernels_of<float>() {
  return cpu::best_kernels().f32;
}
template <>
inline const cpu::RowKernels<cpu::Bf16>& kernels_of<cpu::Bf16>() {
  return cpu::best_kernels().bf16;
}

/// Activations of type T. The source is kept in panels of float32, the target in T.
template <class T>
class CpuCache final : public DecoderCache {
 public:
  CpuCache(const model::T5Config& config, const DecoderCapacity& capacity, const at::Tensor& bias_HT);

  void put_source(std::size_t layer, const at::Tensor& keys_values, const Layout& layout,
                  std::span<const std::int64_t> places) override;
  void begin_step(std::span<const DecoderRow> rows) override;
  [[nodiscard]] at::Tensor attend_target(std::size_t layer, const at::Tensor& qkv) override;
  [[nodiscard]] at::Tensor attend_source(std::size_t layer, const at::Tensor& queries) override;
  /// Slots stay where they are: rows name them.
  void keep_slots(std::span<const std::int64_t> /*slots*/) override {}

 private:
  /// The source of one prompt: panels of all layers and heads, keys before values.
  struct Source {
    std::int64_t tokens = 0;
    at::Tensor panels;
  };
  /// Neighbouring rows of one prompt.
  struct Group {
    std::size_t place;
    std::int64_t first;
    std::int64_t rows;
  };

  [[nodiscard]] std::int64_t key_numbers(std::int64_t tokens) const;
  [[nodiscard]] std::int64_t head_numbers(std::int64_t tokens) const;
  [[nodiscard]] float* panels_of(const Source& source, std::size_t layer, std::int64_t head) const;

  model::T5Config config_;
  std::int64_t positions_;
  at::Tensor bias_HT_;
  std::vector<at::Tensor> keys_;    ///< of each layer: [rows, H, K, T]
  std::vector<at::Tensor> values_;  ///< [rows, H, T, K]
  std::vector<Source> sources_;
  std::vector<DecoderRow> rows_;
  std::vector<Group> groups_;
};

}  // namespace westofn::inference
