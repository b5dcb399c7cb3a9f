// SPDX-License-Identifier: Apache-2.0
// Work that may fail on one rank: all ranks learn of it before the next collective, so that nobody waits for ever.
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "comm/communicator.h"
#include "util/error.h"

namespace westofn::comm {

/// What an exception means for the job.
struct Failure {
  ExitCode code = ExitCode::internal;
  std::string message;
};

/// Local. Code and message of any exception; what is not a westofn::Error is an internal error.
[[nodiscard]] Failure failure_of(const std::exception_ptr& error);

/// Collective. Returns if no rank has an error. Otherwise the lowest rank with an error rethrows it, and every other
/// rank throws PeerError with the code and the message (and rank and host) of that one.
void settle(Communicator& comm, const std::exception_ptr& error);

/// Collective. Runs `f`, which must not communicate, and returns its result; throws as settle() if it failed anywhere.
template <class F>
auto agree(Communicator& comm, F&& f) -> std::invoke_result_t<F> {
  using Result = std::invoke_result_t<F>;
  std::exception_ptr error;
  if constexpr (std::is_void_v<Result>) {
    try {
      std::forward<F>(f)();
    } catch (...) {
      error = std::current_exception();
    }
    settle(comm, error);
  } else {
    static_assert(!std::is_reference_v<Result>, "return a value or a pointer");
    std::optional<Result> result;
    try {
      result.emplace(std::forward<F>(f)());
    } catch (...) {
      error = std::current_exception();
    }
    settle(comm, error);
    return std::move(*result);
  }
}

/// Collective. Whether the value is true on any rank.
[[nodiscard]] bool any(Communicator& comm, bool value);

}  // namespace westofn::comm
