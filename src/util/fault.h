// SPDX-License-Identifier: Apache-2.0
// Named places where a test can make this process fail.
//
//   WESTOFN_FAULT=point:rank:count[:action],...   at the count-th time (from 1) that the rank passes the point;
//                                                 action: exception (default), kill, hang, stop, term, EIO, ENOSPC;
//                                                 at a point that shows memory also flip, nan
//   WESTOFN_FAULT_TRACE=1                         prints "fault point NAME rank R count K" for every point that is
//                                                 passed
//
// Without these variables a point costs one comparison.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace westofn {

/// Tells the fault points which rank this process is; called once when the rank is known.
void set_fault_rank(int rank);

/// Passes a named point: does what WESTOFN_FAULT asks for here, normally nothing. Thread-safe.
/// Throws InternalError (exception) or IoError (EIO, ENOSPC); kill, stop and term raise a signal; hang never returns.
/// `memory` is what the actions on memory change, as a broken cell or a broken computation would: flip turns the lowest
/// bit of its first byte, nan sets all bits, which makes every floating-point number in it a NaN.
void fault_point(std::string_view name, std::span<std::byte> memory = {});

}  // namespace westofn
