// SPDX-License-Identifier: Apache-2.0
// Tensors from the bytes of safetensors files and back.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "io/safetensors.h"
#include "io/safetensors_writer.h"
#include "model/t5.h"

namespace westofn::model {

/// A tensor of a file, for messages.
struct TensorPlace {
  std::string file;
  std::string name;
};

/// Throws DataError that names file and tensor.
[[noreturn]] void fail(const TensorPlace& place, const std::string& message);

/// Throws DataError unless the tensor has this shape and is of a floating-point type. Reads no number.
void check_tensor(const io::TensorView& view, const std::vector<std::int64_t>& shape, const TensorPlace& from);

/// Throws DataError if a number of the tensor is NaN, infinite or too large for float32.
void check_finite(const io::TensorView& view, const TensorPlace& from);

/// Local. A copy in the given place; throws DataError unless it has this shape and finite floating-point numbers.
[[nodiscard]] at::Tensor to_tensor(const io::TensorView& view, const std::vector<std::int64_t>& shape,
                                   const TensorPlace& from, const Placement& placement);

/// Local. The bytes themselves, on the CPU, in their type (a copy if they are not aligned to it); they must live
/// longer. Checks as `to_tensor`.
[[nodiscard]] at::Tensor to_mapped_tensor(const io::TensorView& view, const std::vector<std::int64_t>& shape,
                                          const TensorPlace& from);

/// Weights as they are written: float32 in C order on the CPU. Owns what its views show.
class SavedTensors {
 public:
  explicit SavedTensors(std::span<const Parameter> weights);
  [[nodiscard]] const std::vector<io::NamedTensor>& tensors() const { return tensors_; }

 private:
  std::vector<at::Tensor> owned_;
  std::vector<io::NamedTensor> tensors_;
};

}  // namespace westofn::model
