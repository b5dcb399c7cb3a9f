// SPDX-License-Identifier: Apache-2.0
#include "comm/device/host_group.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
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

std::vector<std::byte> HostGroup::exchange(std::span<const Contribution> contributions, int target, int source,
                                           int contributors) {
  std::vector<std::byte> outgoing;
  std::size_t incoming = 0;
  for (const auto& c : contributions) {
    if (c.owner == target && c.mine.defined()) {
      const auto bytes = bytes_of(c.mine);
      outgoing.insert(outgoing.end(), bytes.begin(), bytes.end());
    }
    if (c.owner == rank() && source < contributors) {
      incoming += static_cast<std::size_t>(c.count) * c10::elementSize(c.type);
    }
  }
  std::vector<std::byte> received(incoming);
  comm_.exchange(outgoing, target, received, source);
  return received;
}

void HostGroup::add_to_owners(std::span<const Contribution> contributions, int contributors, SumStart start) {
  for (const auto& c : contributions) check_contribution(c, contributors);
  std::vector<std::vector<std::byte>> received(static_cast<std::size_t>(size()));
  for (int step = 1; step < size(); ++step) {  // at each step every rank sends to one and receives from one
    const int source = (rank() + size() - step) % size();
    received[static_cast<std::size_t>(source)] =
        exchange(contributions, (rank() + step) % size(), source, contributors);
  }
  for (int source = 0; source < contributors; ++source) {
    std::byte* next = received[static_cast<std::size_t>(source)].data();
    for (const auto& c : contributions) {
      if (c.owner != rank()) continue;
      at::Tensor part = source == rank() ? flat(c.mine) : at::from_blob(next, {c.count}, c.type);
      if (source != rank()) next += part.nbytes();
      if (source == 0 && start == SumStart::anew) {
        flat(c.sum).copy_(part);
      } else {
        flat(c.sum).add_(part);
      }
    }
  }
}

void HostGroup::broadcast_from_owners(std::span<const OwnedTensor> tensors) {
  for (const auto& [tensor, owner] : tensors) {
    check_tensor(tensor);
    comm_.broadcast(bytes_of(tensor), owner);
  }
}

}  // namespace westofn::comm
