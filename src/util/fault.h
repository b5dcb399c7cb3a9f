// SPDX-License-Identifier: Apache-2.0
// Named places where a test can make this process fail.
//
//   WESTOFN_FAULT=point:rank:count[:action]   at the count-th time (from 1) that the rank passes the point;
//                                             action: exception (default), kill, hang, stop, term, EIO, ENOSPC
//   WESTOFN_FAULT_TRACE=1                     prints "fault point NAME rank R count K" for every point that is passed
//
// Without these variables a point costs one comparison.
#pragma once

#include <string_view>

namespace westofn {

/// Tells the fault points which rank this process is; called once when the rank is known.
void set_fault_rank(int rank);

/// Passes a named point: does what WESTOFN_FAULT asks for here, normally nothing. Thread-safe.
/// Throws InternalError (exception) or IoError (EIO, ENOSPC); kill, stop and term raise a signal; hang never returns.
void fault_point(std::string_view name);

}  // namespace westofn
