// SPDX-License-Identifier: Apache-2.0
#include "training/gradient_sum.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <utility>

#include "util/error.h"

namespace westofn::training {
namespace {

/// Large enough for the full speed of links, small enough that a few of them are no burden.
constexpr std::int64_t most_bucket_bytes = std::int64_t{32} << 20;

}  // namespace

at::ScalarType sum_type(const at::Tensor& weight) {
  return weight.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

GradientSum::GradientSum(comm::DeviceGroup& group, std::span<const TrainedWeight> weights, std::span<const int> owners)
    : group_(group), weights_(weights), owners_(owners), sums_(weights.size()) {
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (owners[i] != group.rank()) continue;
    const at::Tensor& value = weights[i].value;
    sums_[i] = at::zeros(value.sizes(), value.options().dtype(sum_type(value)).requires_grad(false));
  }
}

void GradientSum::begin_step() { start_ = comm::SumStart::anew; }

void GradientSum::begin_round(int contributors) {
  contributors_ = contributors;
  next_ = 0;
}

void GradientSum::take(std::size_t index, const at::Tensor& gradient) {
  WESTOFN_CHECK(contributes() && index == next_, "gradients come in the order of the weights");
  const TrainedWeight& weight = weights_[index];
  WESTOFN_CHECK(gradient.defined() ? weight.gradient_type == gradient.scalar_type() : !weight.gradient_type,
                "the gradient of " + weight.name + " has the announced type");
  add(index, gradient);
  ++next_;
}

void GradientSum::end_round() {
  if (contributes()) {
    WESTOFN_CHECK(next_ == weights_.size(), "every weight has had a gradient");
  } else {
    for (std::size_t i = 0; i < weights_.size(); ++i) add(i, {});
  }
  flush();
  start_ = comm::SumStart::from_what_is_there;
}

void GradientSum::add(std::size_t index, const at::Tensor& gradient) {
  const TrainedWeight& weight = weights_[index];
  if (!weight.gradient_type) return;  // its sum stays 0
  const auto width = static_cast<std::int64_t>(c10::elementSize(*weight.gradient_type));
  const std::int64_t count = weight.value.numel();
  const at::Tensor flat = gradient.defined() ? gradient.contiguous().view(-1) : at::Tensor();
  // Long tensors travel in pieces, so that what an owner receives at once is bounded.
  for (std::int64_t first = 0; first < count;) {
    const std::int64_t room = std::max<std::int64_t>((most_bucket_bytes - bucket_bytes_) / width, 0);
    const std::int64_t piece = std::min(count - first, room);
    if (piece > 0) {
      comm::Contribution c{{}, {}, owners_[index], piece, *weight.gradient_type};
      if (flat.defined()) c.mine = flat.narrow(0, first, piece);
      if (sums_[index].defined()) c.sum = sums_[index].view(-1).narrow(0, first, piece);
      bucket_.push_back(std::move(c));
    }
    first += piece;
    bucket_bytes_ += piece * width;
    if (first < count || bucket_bytes_ >= most_bucket_bytes) flush();
  }
}

void GradientSum::flush() {
  if (!bucket_.empty()) group_.add_to_owners(bucket_, contributors_, start_);
  bucket_.clear();
  bucket_bytes_ = 0;
}

std::span<const at::Tensor> GradientSum::finish() {
  group_.wait();
  return sums_;
}

}  // namespace westofn::training
