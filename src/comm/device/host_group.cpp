// SPDX-License-Identifier: Apache-2.0
#include "comm/device/host_group.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

namespace westofn::comm {
namespace {

/// The memory of a tensor, which is contiguous.
std::span<std::byte> bytes_of(const at::Tensor& tensor) {
  return {static_cast<std::byte*>(tensor.data_ptr()), tensor.nbytes()};
}

/// The same memory as one row without history: a parameter may be written to.
at::Tensor flat(const at::Tensor& tensor) { return tensor.detach().view(-1); }

at::ScalarType sum_type(at::ScalarType type) { return type == at::kBFloat16 || type == at::kHalf ? at::kFloat : type; }

}  // namespace

HostGroup::HostGroup(Communicator& comm) : DeviceGroup(comm.rank(), comm.size(), at::Device(at::kCPU)), comm_(comm) {}

at::Tensor HostGroup::summed_part(const at::Tensor& tensor) {
  const std::int64_t part = (tensor.numel() + size() - 1) / size();
  at::Tensor parts = flat(tensor);
  if (part * size() != tensor.numel()) {
    parts = at::zeros(part * size(), tensor.options());
    parts.narrow(0, 0, tensor.numel()).copy_(flat(tensor));
  }
  const at::Tensor received = at::empty({size(), part}, parts.options().requires_grad(false));
  comm_.all_to_all(bytes_of(parts), bytes_of(received));
  at::Tensor sum = received.select(0, 0).to(sum_type(tensor.scalar_type()));
  for (int r = 1; r < size(); ++r) sum.add_(received.select(0, r));
  return sum.to(tensor.scalar_type());
}

void HostGroup::all_reduce(const at::Tensor& tensor) {
  check_tensor(tensor);
  const at::Tensor part = summed_part(tensor);
  const at::Tensor whole = at::empty(part.numel() * size(), part.options());
  comm_.all_gather(bytes_of(part), bytes_of(whole));
  flat(tensor).copy_(whole.narrow(0, 0, tensor.numel()));
}

void HostGroup::reduce_to_owners(std::span<const OwnedTensor> tensors) {
  for (const auto& [tensor, owner] : tensors) {
    check_tensor(tensor);
    const at::Tensor part = summed_part(tensor);
    const at::Tensor whole = at::empty(rank() == owner ? part.numel() * size() : 0, part.options());
    comm_.gather(bytes_of(part), bytes_of(whole), owner);
    if (rank() == owner) flat(tensor).copy_(whole.narrow(0, 0, tensor.numel()));
  }
}

void HostGroup::broadcast_from_owners(std::span<const OwnedTensor> tensors) {
  for (const auto& [tensor, owner] : tensors) {
    check_tensor(tensor);
    comm_.broadcast(bytes_of(tensor), owner);
  }
}

void HostGroup::all_gather(const at::Tensor& mine, const at::Tensor& all) {
  check_parts(mine, all);
  comm_.all_gather(bytes_of(mine), bytes_of(all));
}

void HostGroup::reduce_scatter(const at::Tensor& all, const at::Tensor& mine) {
  check_parts(mine, all);
  flat(mine).copy_(summed_part(all));
}

}  // namespace westofn::comm
