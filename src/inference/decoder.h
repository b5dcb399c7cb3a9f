// SPDX-License-Identifier: Apache-2.0
// The decoder of an engine, one step at a time for many rows: rows of the same prompt share its keys and values.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <span>

#include "inference/engine.h"

namespace westofn::inference {

class Decoder {
 public:
  /// The engine must live longer.
  Decoder(const Engine& engine, const DecoderCapacity& capacity);

  /// Encodes prompts and puts their keys and values into places, in order.
  void put_sources(std::span<const tokenizer::Tokens> prompts, std::span<const std::int64_t> places);

  /// Final states [R,D] after every row has read its token. Rows of a prompt stand together (leave_at_once), or all
  /// slots come in their order (keep_their_place); see Backend::ended_rows.
  [[nodiscard]] at::Tensor step(std::span<const DecoderRow> rows);

  /// Keeps these slots only; they get the numbers 0, 1, ...
  void keep_slots(std::span<const std::int64_t> slots) { cache_->keep_slots(slots); }

 private:
  const Engine* engine_;
  std::unique_ptr<DecoderCache> cache_;
};

}  // namespace westofn::inference
