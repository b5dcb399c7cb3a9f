// SPDX-License-Identifier: Apache-2.0
#include "inference/matrix.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>

#include "cpu/kernels.h"
#include "inference/work.h"
#include "util/error.h"

namespace westofn::inference {
namespace {

using cpu::Bf16;

template <class T>
void pack(const at::Tensor& weight_OI, at::Tensor& panels) {
  // Packing is a transposition of blocks; the type of the numbers does not matter.
  const std::int64_t width = cpu::best_kernels().panel;
  const std::int64_t out = weight_OI.size(0);
  const std::int64_t in = weight_OI.size(1);
  const T* from = weight_OI.const_data_ptr<T>();
  T* to = panels.mutable_data_ptr<T>();
  at::parallel_for(0, (out + width - 1) / width, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t panel = begin; panel < end; ++panel) {
      for (std::int64_t c = 0; c < width; ++c) {
        const std::int64_t row = panel * width + c;
        T* column = to + panel * in * width + c;
        for (std::int64_t k = 0; k < in; ++k) column[k * width] = row < out ? from[row * in + k] : T(0);
      }
    }
  });
}

at::Tensor pack_panels(const at::Tensor& weight_OI) {
  const std::int64_t numbers = cpu::panel_numbers(cpu::best_kernels(), weight_OI.size(0), weight_OI.size(1));
  at::Tensor panels = at::empty({numbers}, weight_OI.options());
  const at::Tensor dense = weight_OI.contiguous();
  if (dense.scalar_type() == at::kBFloat16) {
    pack<at::BFloat16>(dense, panels);
  } else {
    pack<float>(dense, panels);
  }
  return panels;
}

at::Tensor pack_onednn(const at::Tensor& weight_OI, std::int64_t rows) {
  static const auto reorder = c10::Dispatcher::singleton()
                                  .findSchemaOrThrow("mkldnn::_reorder_linear_weight", "")
                                  .typed<at::Tensor(const at::Tensor&, std::optional<c10::SymInt>)>();
  return reorder.call(weight_OI.contiguous(), c10::SymInt(rows));
}

at::Tensor multiply_onednn(const at::Tensor& x_MI, const at::Tensor& packed) {
  static const auto linear =
      c10::Dispatcher::singleton()
          .findSchemaOrThrow("mkldnn::_linear_pointwise", "")
          .typed<at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&, c10::string_view,
                            c10::List<std::optional<at::Scalar>>, std::optional<c10::string_view>)>();
  return linear.call(x_MI.contiguous(), packed, std::nullopt, "none", c10::List<std::optional<at::Scalar>>(),
                     std::optional<c10::string_view>(""));
}

}  // namespace

Matrix::Matrix(const at::Tensor& weight_OI, Arithmetic arithmetic, std::int64_t rows)
    : arithmetic_(arithmetic), out_(weight_OI.size(0)), in_(weight_OI.size(1)) {
  switch (arithmetic) {
    case Arithmetic::panels: weight_ = pack_panels(weight_OI); break;
    case Arithmetic::onednn: weight_ = pack_onednn(weight_OI, rows); break;
    case Arithmetic::tensors: weight_ = weight_OI; break;
  }
}

at::Tensor Matrix::multiply(const at::Tensor& x_MI) const {
  const WorkClock clock(&Work::product_s, x_MI.is_cpu());
  return product(x_MI);
}

at::Tensor Matrix::product(const at::Tensor& x_MI) const {
  if (arithmetic_ == Arithmetic::onednn) return multiply_onednn(x_MI, weight_);
  if (arithmetic_ == Arithmetic::tensors) return at::linear(x_MI, weight_);
  at::Tensor out_MO = at::empty({x_MI.size(0), out_}, x_MI.options());
  multiply_panels(x_MI, out_MO, Write::replace);
  return out_MO;
}

void Matrix::multiply_into(const at::Tensor& x_MI, const at::Tensor& out_MO) const {
  const WorkClock clock(&Work::product_s, x_MI.is_cpu());
  if (arithmetic_ == Arithmetic::panels) {
    multiply_panels(x_MI, out_MO, Write::replace);
  } else {
    out_MO.copy_(product(x_MI));
  }
}

void Matrix::add_to(const at::Tensor& x_MI, at::Tensor& sum_MO) const {
  const WorkClock clock(&Work::product_s, x_MI.is_cpu());
  if (arithmetic_ == Arithmetic::panels) {
    multiply_panels(x_MI, sum_MO, Write::add);
    return;
  }
  const at::Tensor y_MO = product(x_MI);
  if (y_MO.scalar_type() == at::kBFloat16 && y_MO.is_cpu() && sum_MO.is_contiguous()) {
    cpu::best_kernels().bf16.add(sum_MO.mutable_data_ptr<float>(), static_cast<const Bf16*>(y_MO.const_data_ptr()),
                                 sum_MO.numel());
  } else {
    sum_MO.add_(y_MO);
  }
}

void Matrix::multiply_panels(const at::Tensor& x_MI, const at::Tensor& out_MO, Write write) const {
  WESTOFN_CHECK(x_MI.size(1) == in_ && out_MO.size(1) == out_ && x_MI.stride(1) == 1 && out_MO.stride(1) == 1,
                "a product has fitting rows");
  const cpu::Kernels& kernels = cpu::best_kernels();
  const bool is_bf16 = weight_.scalar_type() == at::kBFloat16;
  cpu::Product product{x_MI.const_data_ptr<float>(),
                       x_MI.stride(0),
                       x_MI.size(0),
                       weight_.const_data_ptr(),
                       in_,
                       out_,
                       out_MO.mutable_data_ptr<float>(),
                       out_MO.stride(0),
                       write == Write::add,
                       0,
                       0};
  const std::int64_t panels = (out_ + kernels.panel - 1) / kernels.panel;
  at::parallel_for(0, panels, 8, [&](std::int64_t begin, std::int64_t end) {
    cpu::Product part = product;
    part.first_panel = begin;
    part.end_panel = end;
    (is_bf16 ? kernels.product_bf16 : kernels.product_f32)(part, cpu::scratch(cpu::product_scratch));
  });
}

at::ScalarType activation_type(Arithmetic arithmetic, at::ScalarType weights) {
  return arithmetic == Arithmetic::panels ? at::kFloat : weights;
}

Arithmetic choose_arithmetic(at::Device device, at::ScalarType weights) {
  if (!device.is_cpu()) return Arithmetic::tensors;
  if (weights == at::kFloat) return Arithmetic::panels;
  if (weights != at::kBFloat16) return Arithmetic::tensors;
  return at::hasMKLDNN() && cpu::multiplies_bf16() ? Arithmetic::onednn : Arithmetic::panels;
}

}  // namespace westofn::inference
