// SPDX-License-Identifier: Apache-2.0
#include "comm/agree.h"

#include <array>
#include <cstdint>
#include <new>

#include "comm/typed.h"
#include "util/clock.h"

namespace westofn::comm {

Failure failure_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const Error& e) {
    return {e.code(), e.what()};
  } catch (const std::bad_alloc&) {
    return {ExitCode::internal, "out of memory: use fewer ranks a machine, smaller batches or a larger machine"};
  } catch (const std::exception& e) {
    return {ExitCode::internal, e.what()};
  } catch (...) {
    return {ExitCode::internal, "an exception of unknown type"};
  }
}

void settle(Communicator& comm, const std::exception_ptr& error) {
  const std::int32_t lowest = comm.all_reduce(std::int32_t{error ? comm.rank() : comm.size()}, ReduceOp::min);
  if (lowest == comm.size()) return;

  Failure failure;
  if (comm.rank() == lowest) {
    failure = failure_of(error);
    failure.message = "rank " + std::to_string(lowest) + " on host " + host_name() + ": " + failure.message;
  }
  std::array<std::int32_t, 1> code{static_cast<std::int32_t>(failure.code)};
  comm.broadcast(code, lowest);
  failure.message = broadcast_string(comm, failure.message, lowest);
  if (comm.rank() == lowest) std::rethrow_exception(error);
  throw PeerError(static_cast<ExitCode>(code[0]), failure.message);
}

bool any(Communicator& comm, bool value) { return comm.all_reduce(std::int32_t{value ? 1 : 0}, ReduceOp::max) != 0; }

}  // namespace westofn::comm
