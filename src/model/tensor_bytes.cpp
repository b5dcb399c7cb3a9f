// SPDX-License-Identifier: Apache-2.0
#include "model/tensor_bytes.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <cstring>
#include <optional>

#include "io/finite.h"
#include "util/error.h"
#include "util/text.h"

namespace westofn::model {
namespace {

std::optional<at::ScalarType> floating_type(io::DType dtype) {
  switch (dtype) {
    case io::DType::f16: return at::kHalf;
    case io::DType::bf16: return at::kBFloat16;
    case io::DType::f32: return at::kFloat;
    case io::DType::f64: return at::kDouble;
    default: return std::nullopt;
  }
}

std::string describe_shape(const std::vector<std::int64_t>& shape) {
  std::string text;
  for (const std::int64_t size : shape) text += (text.empty() ? "" : ", ") + std::to_string(size);
  return "[" + text + "]";
}

}  // namespace

void fail(const TensorPlace& place, const std::string& message) {
  throw DataError(place.file + ": tensor '" + printable(place.name) + "' " + message);
}

void check_tensor(const io::TensorView& view, const std::vector<std::int64_t>& shape, const TensorPlace& from) {
  if (!floating_type(view.dtype)) {
    fail(from, "is of type " + std::string(io::to_string(view.dtype)) + ", not F32, BF16, F16 or F64");
  }
  if (view.shape != shape) {
    fail(from, "has shape " + describe_shape(view.shape) + ", but config.json asks for " + describe_shape(shape));
  }
}

void check_finite(const io::TensorView& view, const TensorPlace& from) {
  const auto index = io::find_non_finite(view);
  if (!index) return;
  fail(from, "holds a number that is not finite (NaN, infinity or too large for float32) at place " +
                 std::to_string(*index) + " of " + describe_shape(view.shape) +
                 "; the model is damaged, or its training went wrong");
}

at::Tensor to_mapped_tensor(const io::TensorView& view, const std::vector<std::int64_t>& shape,
                            const TensorPlace& from) {
  check_tensor(view, shape, from);
  check_finite(view, from);
  const at::ScalarType type = *floating_type(view.dtype);
  const auto address = reinterpret_cast<std::uintptr_t>(view.bytes.data());
  if (!view.bytes.empty() && address % io::element_size(view.dtype) == 0) {
    // LibTorch has no tensors of constant bytes; nobody writes to these.
    return at::from_blob(const_cast<std::byte*>(view.bytes.data()), shape, type);
  }
  const at::Tensor tensor = at::empty(shape, type);
  if (!view.bytes.empty()) std::memcpy(tensor.mutable_data_ptr(), view.bytes.data(), view.bytes.size());
  return tensor;
}

at::Tensor to_tensor(const io::TensorView& view, const std::vector<std::int64_t>& shape, const TensorPlace& from,
                     const Placement& placement) {
  // To the device first: it converts faster, and nothing is copied on the host.
  return to_mapped_tensor(view, shape, from)
      .to(placement.device, /*non_blocking=*/false, /*copy=*/true)
      .to(placement.dtype);
}

SavedTensors::SavedTensors(std::span<const Parameter> weights) {
  for (const Parameter& weight : weights) {
    const at::Tensor& tensor = owned_.emplace_back(weight.value.detach().to(at::kCPU, at::kFloat).contiguous());
    const std::span bytes(static_cast<const std::byte*>(tensor.const_data_ptr()), tensor.nbytes());
    tensors_.push_back({weight.name, {io::DType::f32, tensor.sizes().vec(), bytes}});
  }
}

}  // namespace westofn::model
