// SPDX-License-Identifier: Apache-2.0
// The decoder cache of the tensor backend: every step has the shapes of every other step.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "inference/backend.h"

namespace westofn::inference {

/// [B, width], float32 (float64): 0 at tokens, the lowest finite number at padding. `like` gives type and device.
[[nodiscard]] at::Tensor padding_mask(const Layout& layout, const at::TensorOptions& like);

/// All slots take part in every step, in their order, whether their row has ended or not.
class TensorCache final : public DecoderCache {
 public:
  TensorCache(const model::T5Config& config, model::Placement placement, const DecoderCapacity& capacity,
              const at::Tensor& bias_HT);

  void put_source(std::size_t layer, const at::Tensor& keys_values, const Layout& layout,
                  std::span<const std::int64_t> places) override;
  void begin_step(std::span<const DecoderRow> rows) override;
  [[nodiscard]] at::Tensor attend_target(std::size_t layer, const at::Tensor& qkv) override;
  [[nodiscard]] at::Tensor attend_source(std::size_t layer, const at::Tensor& queries) override;
  void keep_slots(std::span<const std::int64_t> slots) override;

 private:
  [[nodiscard]] at::Tensor to_device(const std::vector<std::int64_t>& values) const;
  [[nodiscard]] at::Tensor split_RHK(const at::Tensor& rows_RI) const;

  model::T5Config config_;
  model::Placement placement_;
  DecoderCapacity capacity_;
  at::Tensor bias_TH_;  ///< by distance, from 0
  std::vector<at::Tensor> keys_RHTK_, values_RHTK_;
  std::vector<at::Tensor> source_keys_PHSK_, source_values_PHSK_;
  at::Tensor source_mask_PS_;
  // Of the current step:
  at::Tensor positions_R_;
  at::Tensor target_mask_RH1T_;  ///< bias of the distances; what is ahead is masked
  at::Tensor rows_of_places_;    ///< [P * rows of a place]: row, or any row where there is none
  at::Tensor places_of_rows_R_;  ///< where a row stands in it
  at::Tensor source_mask_P11S_;
};

}  // namespace westofn::inference
