// SPDX-License-Identifier: Apache-2.0
// What the engine asks of a device. One backend works with our kernels on the CPU, without padding; the other with
// tensors of fixed shapes on any device. Both compute the same functions.
//
// Letters of shapes: M rows (tokens), B sequences, D d_model, I all heads together, H heads, K d_kv, F d_ff; in a
// decoder R rows that are being written, P places for prompts, S source tokens, T positions.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cpu/kernels.h"
#include "inference/layout.h"
#include "inference/matrix.h"
#include "model/t5.h"

namespace westofn::inference {

using cpu::Sight;

/// The bias of relative positions for one pair of layouts, in the form that the backend adds it in.
struct PositionBias {
  Sight sight = Sight::all;
  at::Tensor table_HW;   ///< float32: relative positions -(W-1)/2 .. (W-1)/2 of the key; nothing: no bias
  at::Tensor mask_BHSS;  ///< tensors only: bias and padding, broadcast where it can be
};

/// Rows of queries, keys and values [M,I]; they may be parts of wider rows.
struct Heads {
  const at::Tensor& queries_MI;
  const at::Tensor& keys_MI;
  const at::Tensor& values_MI;
};

/// The encoder's states made ready to be keys and values of single queries.
class HeldStates {
 public:
  virtual ~HeldStates() = default;
  /// queries [B, H*D] of sequence b over its own states: [B, H*D].
  [[nodiscard]] virtual at::Tensor attend(const at::Tensor& queries_BX) const = 0;
};

/// A row that a decoder step continues.
struct DecoderRow {
  std::int64_t id = 0;        ///< token that it reads
  std::int64_t slot = 0;      ///< of the self cache
  std::int64_t place = 0;     ///< of its prompt in the cross cache
  std::int64_t position = 0;  ///< of the token, from 0
  bool live = true;           ///< else it only fills its slot, and nobody reads what comes out
};

struct DecoderCapacity {
  std::int64_t rows = 0;           ///< slots of the self cache
  std::int64_t places = 0;         ///< prompts at a time
  std::int64_t rows_of_place = 0;  ///< rows of one prompt at most
  std::int64_t source_tokens = 0;  ///< of the longest prompt
  std::int64_t positions = 0;
};

/// Keys and values of a decoder: those of the source once a prompt, those of the target preallocated.
class DecoderCache {
 public:
  virtual ~DecoderCache() = default;
  /// Puts the keys and values of one layer for new prompts into their places; `keys_values` [M, 2I].
  virtual void put_source(std::size_t layer, const at::Tensor& keys_values, const Layout& layout,
                          std::span<const std::int64_t> places) = 0;
  /// Called once a step, before the layers. Rows of a prompt stand together where the backend wants it so.
  virtual void begin_step(std::span<const DecoderRow> rows) = 0;
  /// qkv [R, 3I]: writes keys and values of the new positions, attends to all positions so far: [R,I].
  [[nodiscard]] virtual at::Tensor attend_target(std::size_t layer, const at::Tensor& qkv) = 0;
  /// queries [R,I] over the source of their prompts: [R,I].
  [[nodiscard]] virtual at::Tensor attend_source(std::size_t layer, const at::Tensor& queries) = 0;
  /// Keeps these slots only, in this order, and forgets the others.
  virtual void keep_slots(std::span<const std::int64_t> slots) = 0;
};

/// How rows that have ended are treated.
enum class EndedRows { leave_at_once, keep_their_place };

class Backend {
 public:
  virtual ~Backend() = default;
  /// For the log: what computes products and attention.
  [[nodiscard]] virtual std::string describe() const = 0;
  [[nodiscard]] virtual EndedRows ended_rows() const = 0;
  /// How many tokens are best encoded at once, and how many rows best written: what caches of a CPU hold. With
  /// our kernels, results do not depend on it.
  [[nodiscard]] virtual std::int64_t best_tokens() const = 0;
  [[nodiscard]] virtual std::int64_t best_rows() const = 0;
  [[nodiscard]] virtual Layout lay_out(std::vector<std::int64_t> lengths) const = 0;

  /// x / rms(x) * weight in the type of activations.
  [[nodiscard]] virtual at::Tensor norm(const at::Tensor& x_MD, const at::Tensor& weight_D) const = 0;
  /// [M,F] of [M,2F] (gated GELU) or of [M,F] (ReLU); may reuse its memory.
  [[nodiscard]] virtual at::Tensor activate(at::Tensor hidden, model::FeedForward kind) const = 0;
  /// `table` as in PositionBias (undefined: no bias), made ready for these layouts.
  [[nodiscard]] virtual PositionBias make_bias(const at::Tensor& table_HW, const Layout& queries, const Layout& keys,
                                               Sight sight) const = 0;
  /// Softmax of unscaled scores and bias, times the values, sequence by sequence: [M,I].
  [[nodiscard]] virtual at::Tensor attend(const Heads& heads, const Layout& queries, const Layout& keys,
                                          const PositionBias& bias) const = 0;
  [[nodiscard]] virtual std::unique_ptr<HeldStates> hold(const at::Tensor& states_MD, const Layout& layout,
                                                         std::int64_t heads) const = 0;
  /// `bias_HT`: float32, of distances T-1 .. 0 (the key so far behind the query).
  [[nodiscard]] virtual std::unique_ptr<DecoderCache> make_cache(const DecoderCapacity& capacity,
                                                                 const at::Tensor& bias_HT) const = 0;
};

/// The number of positions that caches are made for: a multiple of 32, so that rows of them are whole vectors.
[[nodiscard]] constexpr std::int64_t cache_positions(std::int64_t positions) { return (positions + 31) / 32 * 32; }

[[nodiscard]] std::unique_ptr<Backend> make_cpu_backend(const model::T5Config& config, at::ScalarType activations);
[[nodiscard]] std::unique_ptr<Backend> make_tensor_backend(const model::T5Config& config, model::Placement placement);

}  // namespace westofn::inference
