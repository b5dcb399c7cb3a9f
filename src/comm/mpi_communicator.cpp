// SPDX-License-Identifier: Apache-2.0
#include "comm/mpi_communicator.h"

#include <mpi.h>

#include <algorithm>
#include <exception>
#include <limits>
#include <numeric>
#include <string>

#include "comm/blocking_guard.h"

namespace westofn::comm {
namespace {

constexpr int gather_tag = 10001;  // user tags end at 9999
constexpr int exchange_tag = 10002;

MPI_Comm raw(MpiHandle handle) { return MPI_Comm_f2c(static_cast<int>(handle)); }

int to_int(std::size_t count) {
  WESTOFN_CHECK(count <= static_cast<std::size_t>(std::numeric_limits<int>::max()), "a count above 2^31-1");
  return static_cast<int>(count);
}

MPI_Datatype datatype(ScalarType type) {
  switch (type) {
    case ScalarType::int32: return MPI_INT32_T;
    case ScalarType::int64: return MPI_INT64_T;
    case ScalarType::uint64: return MPI_UINT64_T;
    case ScalarType::float32: return MPI_FLOAT;
    case ScalarType::float64: return MPI_DOUBLE;
  }
  fail_check(__FILE__, __LINE__, "scalar type", "unknown scalar type");
}

MPI_Op operation(ReduceOp op) {
  switch (op) {
    case ReduceOp::sum: return MPI_SUM;
    case ReduceOp::min: return MPI_MIN;
    case ReduceOp::max: return MPI_MAX;
  }
  fail_check(__FILE__, __LINE__, "reduce operation", "unknown reduce operation");
}

/// Polls one request to its end. `status` is that of the completed request.
void wait(Heartbeat& heartbeat, MPI_Request& request, const char* what, MPI_Status* status = MPI_STATUS_IGNORE) {
  heartbeat.wait(
      [&request, what, status] {
        int flag = 0;
        check_mpi(MPI_Test(&request, &flag, status), what);
        return flag != 0;
      },
      what);
}

/// Calls `f(begin, count)` for pieces of at most `chunk` of `total`; once, with nothing, if `total` is zero.
template <class F>
void in_chunks(std::size_t total, std::size_t chunk, const F& f) {
  std::size_t begin = 0;
  do {
    const std::size_t count = std::min(chunk, total - begin);
    f(begin, count);
    begin += count;
  } while (begin < total);
}

/// Where the part of each rank begins.
std::vector<std::size_t> offsets_of(std::span<const std::size_t> sizes) {
  std::vector<std::size_t> offsets(sizes.size());
  std::exclusive_scan(sizes.begin(), sizes.end(), offsets.begin(), std::size_t{0});
  return offsets;
}

std::vector<int> to_ints(std::span<const std::size_t> values) {
  std::vector<int> ints;
  std::ranges::transform(values, std::back_inserter(ints), to_int);
  return ints;
}

std::size_t sum_of(std::span<const std::size_t> sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), std::size_t{0});
}

}  // namespace

int mpi_rank(MpiHandle handle) {
  int rank = 0;
  check_mpi(MPI_Comm_rank(raw(handle), &rank), "MPI_Comm_rank");
  return rank;
}

int mpi_size(MpiHandle handle) {
  int size = 0;
  check_mpi(MPI_Comm_size(raw(handle), &size), "MPI_Comm_size");
  return size;
}

MpiCommunicator::MpiCommunicator(MpiHandle handle, std::shared_ptr<Heartbeat> heartbeat)
    : Communicator(mpi_rank(handle), mpi_size(handle)),
      handle_(handle),
      heartbeat_(std::move(heartbeat)),
      exceptions_at_start_(std::uncaught_exceptions()) {}

MpiCommunicator::~MpiCommunicator() {
  // MPI calls freeing collective. Ranks leave a scope together unless one of them throws.
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (finalized != 0 || std::uncaught_exceptions() > exceptions_at_start_) return;
  MPI_Comm comm = raw(handle_);
  MPI_Comm_free(&comm);
}

void MpiCommunicator::do_barrier() {
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(MPI_Ibarrier(raw(handle_), &request), "MPI_Ibarrier");
  wait(*heartbeat_, request, "barrier");
}

void MpiCommunicator::do_broadcast(Bytes data, int root) {
  in_chunks(data.size(), chunk_bytes_, [&](std::size_t begin, std::size_t count) {
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(MPI_Ibcast(data.data() + begin, to_int(count), MPI_BYTE, root, raw(handle_), &request), "MPI_Ibcast");
    wait(*heartbeat_, request, "broadcast");
  });
}

void MpiCommunicator::do_gather(ConstBytes mine, Bytes all, Sizes sizes, int root) {
  const auto offsets = offsets_of(sizes);
  if (sum_of(sizes) <= chunk_bytes_) {
    const auto counts = to_ints(sizes);
    const auto displacements = to_ints(offsets);
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(MPI_Igatherv(mine.data(), to_int(mine.size()), MPI_BYTE, all.data(), counts.data(), displacements.data(),
                           MPI_BYTE, root, raw(handle_), &request),
              "MPI_Igatherv");
    wait(*heartbeat_, request, "gather");
    return;
  }
  if (rank() != root) {
    do_send(mine, root, gather_tag);
    return;
  }
  std::ranges::copy(mine, all.begin() + static_cast<std::ptrdiff_t>(offsets[own()]));
  for (std::size_t peer = 0; peer < sizes.size(); ++peer) {
    if (peer != own()) do_receive(all.subspan(offsets[peer], sizes[peer]), static_cast<int>(peer), gather_tag);
  }
}

void MpiCommunicator::do_all_gather(ConstBytes mine, Bytes all, Sizes sizes) {
  const auto offsets = offsets_of(sizes);
  if (all.size() <= chunk_bytes_) {
    const auto counts = to_ints(sizes);
    const auto displacements = to_ints(offsets);
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(MPI_Iallgatherv(mine.data(), to_int(mine.size()), MPI_BYTE, all.data(), counts.data(),
                              displacements.data(), MPI_BYTE, raw(handle_), &request),
              "MPI_Iallgatherv");
    wait(*heartbeat_, request, "all-gather");
    return;
  }
  std::ranges::copy(mine, all.begin() + static_cast<std::ptrdiff_t>(offsets[own()]));
  for (std::size_t peer = 0; peer < sizes.size(); ++peer) {
    do_broadcast(all.subspan(offsets[peer], sizes[peer]), static_cast<int>(peer));
  }
}

void MpiCommunicator::do_all_to_all(ConstBytes from, Bytes to) {
  const auto ranks = static_cast<std::size_t>(size());
  const std::size_t block = from.size() / ranks;
  std::ranges::copy(from.subspan(own() * block, block), to.begin() + static_cast<std::ptrdiff_t>(own() * block));
  for (std::size_t step = 1; step < ranks; ++step) {  // at each step every rank sends to one and receives from one
    const std::size_t target = (own() + step) % ranks;
    const std::size_t source = (own() + ranks - step) % ranks;
    do_exchange(from.subspan(target * block, block), static_cast<int>(target), to.subspan(source * block, block),
                static_cast<int>(source));
  }
}

void MpiCommunicator::do_exchange(ConstBytes from, int target, Bytes to, int source) {
  std::vector<MPI_Request> requests;
  if (!to.empty()) {
    in_chunks(to.size(), chunk_bytes_, [&](std::size_t begin, std::size_t count) {
      check_mpi(MPI_Irecv(to.data() + begin, to_int(count), MPI_BYTE, source, exchange_tag, raw(handle_),
                          &requests.emplace_back(MPI_REQUEST_NULL)),
                "MPI_Irecv");
    });
  }
  if (!from.empty()) {
    in_chunks(from.size(), chunk_bytes_, [&](std::size_t begin, std::size_t count) {
      check_mpi(MPI_Isend(from.data() + begin, to_int(count), MPI_BYTE, target, exchange_tag, raw(handle_),
                          &requests.emplace_back(MPI_REQUEST_NULL)),
                "MPI_Isend");
    });
  }
  for (MPI_Request& request : requests) wait(*heartbeat_, request, "exchange");
}

void MpiCommunicator::do_all_reduce(Bytes data, Reduction reduction) {
  const std::size_t chunk = std::max<std::size_t>(1, chunk_bytes_ / reduction.width);
  in_chunks(data.size() / reduction.width, chunk, [&](std::size_t begin, std::size_t count) {
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(MPI_Iallreduce(MPI_IN_PLACE, data.data() + begin * reduction.width, to_int(count),
                             datatype(reduction.type), operation(reduction.op), raw(handle_), &request),
              "MPI_Iallreduce");
    wait(*heartbeat_, request, "all-reduce");
  });
}

void MpiCommunicator::do_send(ConstBytes data, int peer, int tag) {
  in_chunks(data.size(), chunk_bytes_, [&](std::size_t begin, std::size_t count) {
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(MPI_Isend(data.data() + begin, to_int(count), MPI_BYTE, peer, tag, raw(handle_), &request), "MPI_Isend");
    wait(*heartbeat_, request, "send");
  });
}

void MpiCommunicator::do_receive(Bytes data, int peer, int tag) {
  in_chunks(data.size(), chunk_bytes_, [&](std::size_t begin, std::size_t count) {
    MPI_Request request = MPI_REQUEST_NULL;
    MPI_Status status;
    check_mpi(MPI_Irecv(data.data() + begin, to_int(count), MPI_BYTE, peer, tag, raw(handle_), &request), "MPI_Irecv");
    wait(*heartbeat_, request, "receive", &status);
    int received = 0;
    check_mpi(MPI_Get_count(&status, MPI_BYTE, &received), "MPI_Get_count");
    if (received != to_int(count)) {
      throw CommError("rank " + std::to_string(peer) + " sent " + std::to_string(received) + " bytes where " +
                      std::to_string(count) + " were expected");
    }
  });
}

std::unique_ptr<Communicator> MpiCommunicator::do_split(int color, int key) {
  do_barrier();  // MPI_Comm_split cannot be polled: wait for the others where a lost one is noticed
  MPI_Comm part = MPI_COMM_NULL;
  {
    const BlockingGuard guard(heartbeat_->deadline_s(), "MPI_Comm_split");
    check_mpi(MPI_Comm_split(raw(handle_), color, key, &part), "MPI_Comm_split");
  }
  auto result = std::make_unique<MpiCommunicator>(static_cast<MpiHandle>(MPI_Comm_c2f(part)), heartbeat_);
  result->set_chunk_bytes(chunk_bytes_);
  return result;
}

}  // namespace westofn::comm
