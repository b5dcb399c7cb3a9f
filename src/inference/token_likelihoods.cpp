// SPDX-License-Identifier: Apache-2.0
#include "inference/token_likelihoods.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/gather.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>

#include "cpu/kernels.h"

namespace westofn::inference {
namespace {

constexpr std::int64_t rows_at_once = 256;

void add_from_kernels(const at::Tensor& logits_MV, std::span<const std::int64_t> ids, std::vector<double>& found) {
  const auto& kernels = cpu::best_kernels();
  const at::Tensor dense_MV = logits_MV.contiguous();
  const std::int64_t vocabulary = dense_MV.size(1);
  const float* row = dense_MV.const_data_ptr<float>();
  for (const std::int64_t id : ids) {
    const float top = kernels.largest(row, vocabulary);
    found.push_back(static_cast<double>(row[id]) - static_cast<double>(top) -
                    std::log(kernels.sum_exp(row, vocabulary, top)));
    row += vocabulary;
  }
}

void add_from_tensors(const at::Tensor& logits_MV, std::span<const std::int64_t> ids, std::vector<double>& found) {
  const std::vector<std::int64_t> copied(ids.begin(), ids.end());
  const at::Tensor ids_M1 = at::tensor(copied, at::kLong).to(logits_MV.device()).unsqueeze(1);
  const at::Tensor wide_MV = logits_MV.to(at::kDouble);
  const at::Tensor values =
      (at::gather(wide_MV, 1, ids_M1).squeeze(1) - at::logsumexp(wide_MV, {1})).to(at::kCPU).contiguous();
  found.insert(found.end(), values.const_data_ptr<double>(), values.const_data_ptr<double>() + values.numel());
}

}  // namespace

std::vector<double> token_log_likelihoods(
    std::int64_t rows, const std::function<at::Tensor(std::int64_t first, std::int64_t rows)>& logits,
    std::span<const std::int64_t> ids) {
  std::vector<double> found;
  for (std::int64_t first = 0; first < rows; first += rows_at_once) {
    const std::int64_t count = std::min(rows_at_once, rows - first);
    const at::Tensor logits_MV = logits(first, count);
    const auto part = ids.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
    if (logits_MV.is_cpu() && logits_MV.scalar_type() == at::kFloat) {
      add_from_kernels(logits_MV, part, found);
    } else {
      add_from_tensors(logits_MV, part, found);
    }
  }
  return found;
}

}  // namespace westofn::inference
