// SPDX-License-Identifier: Apache-2.0
// A weight matrix made ready for products on its device.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

namespace westofn::inference {

/// How products with weights are computed.
enum class Arithmetic {
  panels,  ///< our kernels: weights in their type, everything else in float32 (CPU)
  onednn,  ///< oneDNN with packed weights: bfloat16 in and out, on CPUs that multiply bfloat16
  tensors  ///< at::linear on any device, in the type of the weights
};

/// A matrix [O,I]. Local functions.
class Matrix {
 public:
  Matrix() = default;
  /// Takes over `weight_OI`. `rows` is how many rows are expected at once (oneDNN packs for it).
  Matrix(const at::Tensor& weight_OI, Arithmetic arithmetic, std::int64_t rows);

  /// x [M,I] W^T: [M,O] in the type of activations. Rows of x may be further apart than I.
  [[nodiscard]] at::Tensor multiply(const at::Tensor& x_MI) const;
  /// out [M,O] = x W^T, in place; rows of both may be further apart than they are long. Panels and tensors only.
  void multiply_into(const at::Tensor& x_MI, const at::Tensor& out_MO) const;
  /// sum [M,O] += x W^T. The sum is in float32 (float64 in a float64 model).
  void add_to(const at::Tensor& x_MI, at::Tensor& sum_MO) const;

 private:
  enum class Write { replace, add };
  [[nodiscard]] at::Tensor product(const at::Tensor& x_MI) const;
  void multiply_panels(const at::Tensor& x_MI, const at::Tensor& out_MO, Write write) const;

  Arithmetic arithmetic_ = Arithmetic::tensors;
  at::Tensor weight_;  ///< panels, oneDNN's layout, or [O,I] as it is
  std::int64_t out_ = 0;
  std::int64_t in_ = 0;
};

/// The type of activations between products: that of the weights, or float32 where our kernels compute.
[[nodiscard]] at::ScalarType activation_type(Arithmetic arithmetic, at::ScalarType weights);

/// What suits weights of this type on this device and CPU.
[[nodiscard]] Arithmetic choose_arithmetic(at::Device device, at::ScalarType weights);

}  // namespace westofn::inference
