// SPDX-License-Identifier: Apache-2.0
// What passes of a model ask of a device, forward and backward. One set works with our kernels on the CPU, without
// padding; the other with tensors of any device and type. Both compute the same functions.
//
// Letters of shapes: M rows (tokens), B sequences, D d_model, I all heads together, H heads, K d_kv, F d_ff, S tokens
// of a sequence, W relative positions. The residual stream x and all gradients of it are in the wide type (float32, or
// float64 in a float64 model); what goes into products is in the type of activations.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cpu/kernels.h"
#include "gradient/dropout.h"
#include "inference/layout.h"
#include "model/t5.h"

namespace westofn::gradient {

using cpu::Sight;
using inference::Layout;

/// Attention of all heads and sequences: rows of queries, keys and values, which may be parts of wider rows.
struct Attention {
  at::Tensor queries_MI;
  at::Tensor keys_MI;
  at::Tensor values_MI;
  const Layout& query_layout;
  const Layout& key_layout;
  at::Tensor bias_HW;  ///< wide: of relative positions -(W-1)/2 .. (W-1)/2 of the key; undefined: no bias
  Sight sight = Sight::all;
  Dropout dropout;  ///< of the weights
};

struct Attended {
  at::Tensor out_MI;
  at::Tensor log_sums_HM;  ///< wide: the logarithm of the sum of exp(score) of each query
};

/// Where gradients of queries, keys and values are written; bias_HW is added to (undefined: not wanted).
struct AttentionGradient {
  at::Tensor queries_MI;
  at::Tensor keys_MI;
  at::Tensor values_MI;
  at::Tensor bias_HW;
};

/// All functions are Local.
class Operations {
 public:
  virtual ~Operations() = default;
  /// For the log.
  [[nodiscard]] virtual std::string describe() const = 0;
  [[nodiscard]] virtual Layout lay_out(std::vector<std::int64_t> lengths) const = 0;
  /// The type of activations.
  [[nodiscard]] virtual at::ScalarType activations() const = 0;
  [[nodiscard]] at::ScalarType wide() const;

  /// x / rms(x) * weight.
  [[nodiscard]] virtual at::Tensor norm(const at::Tensor& x_MD, const at::Tensor& weight_D) const = 0;
  /// Adds the gradient by x to `x_gradient` and returns that by the weight (wide), from the gradient by the result.
  [[nodiscard]] virtual at::Tensor norm_gradient(const at::Tensor& x_MD, const at::Tensor& weight_D,
                                                 const at::Tensor& gradient_MD, at::Tensor& x_gradient) const = 0;

  /// [M,F] of hidden [M,2F] (gated GELU) or [M,F] (ReLU).
  [[nodiscard]] virtual at::Tensor activate(const at::Tensor& hidden) const = 0;
  struct Activated {
    at::Tensor out_MF;           ///< what `activate` gives
    at::Tensor hidden_gradient;  ///< of the shape of hidden
  };
  [[nodiscard]] virtual Activated activate_gradient(const at::Tensor& hidden, const at::Tensor& gradient_MF) const = 0;

  /// Softmax of unscaled scores and bias, times the values, sequence by sequence.
  [[nodiscard]] virtual Attended attend(const Attention& attention) const = 0;
  virtual void attend_gradient(const Attention& attention, const Attended& result, const at::Tensor& gradient_MI,
                               const AttentionGradient& out) const = 0;

  /// x + y in the wide type; y is in that of activations.
  [[nodiscard]] virtual at::Tensor sum(const at::Tensor& x_MD, const at::Tensor& y_MD) const = 0;
  /// A wide tensor in the type of activations.
  [[nodiscard]] virtual at::Tensor narrow(const at::Tensor& x) const = 0;
  /// Zeroes some numbers of rows and scales the others, in place; nothing where the rate is 0.
  virtual void drop(at::Tensor& x, const Layout& layout, const Dropout& dropout) const = 0;
};

/// The kernels of the CPU for float32 and bfloat16 weights there, tensors for everything else.
[[nodiscard]] std::unique_ptr<Operations> make_operations(const model::T5Config& config, model::Placement placement);

[[nodiscard]] std::unique_ptr<Operations> make_cpu_operations(const model::T5Config& config,
                                                              at::ScalarType activations);
[[nodiscard]] std::unique_ptr<Operations> make_tensor_operations(const model::T5Config& config,
                                                                 model::Placement placement);

}  // namespace westofn::gradient
