// SPDX-License-Identifier: Apache-2.0
#include "training/state_bytes.h"

#include <array>
#include <cstddef>

#include "training/checkpoint.h"
#include "util/text.h"

namespace westofn::training {
namespace {

std::int64_t bytes_of(const at::Tensor& tensor) {
  return tensor.defined() ? static_cast<std::int64_t>(tensor.nbytes()) : 0;
}

std::string shown(std::int64_t bytes) { return human_bytes(static_cast<std::uint64_t>(bytes)); }

}  // namespace

StateBytes state_bytes(std::span<const TrainedWeight> weights, std::span<const OwnedWeight> owned,
                       std::span<const at::Tensor> sums) {
  StateBytes bytes;
  for (const auto& weight : weights) bytes.weights += bytes_of(weight.value);
  for (const auto& weight : owned) {
    if (!weight.master.is_same(weights[weight.parameter].value)) bytes.masters += bytes_of(weight.master);
    for (const auto& [name, tensor] : weight.optimizer) bytes.optimizer += bytes_of(tensor);
    bytes.best += bytes_of(weight.best);
  }
  for (const auto& sum : sums) bytes.sums += bytes_of(sum);
  return bytes;
}

std::string describe_largest(comm::Communicator& world, const StateBytes& mine) {
  std::array<std::int64_t, 6> largest = {mine.weights, mine.masters, mine.optimizer,
                                         mine.sums,    mine.best,    mine.total()};
  std::array<std::int64_t, 6> all = largest;
  world.all_reduce(largest, comm::ReduceOp::max);
  world.all_reduce(all, comm::ReduceOp::sum);
  constexpr std::array<const char*, 5> kinds = {"weights", "masters", "optimizer", "gradient sums", "best weights"};
  std::string text = "memory kept on the rank with the most:";
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    text += std::string(i > 0 ? "," : "") + " " + kinds[i] + " " + shown(largest[i]);
    if (world.size() > 1) text += " (of " + shown(all[i]) + " on all)";
  }
  return text + "; together " + shown(largest.back());
}

}  // namespace westofn::training
