// SPDX-License-Identifier: Apache-2.0
// What tests that run under mpirun share.
#pragma once

#include "comm/session.h"

namespace westofn::testing {

/// The session of this test program; opened by mpi_main.cpp before the first test.
[[nodiscard]] comm::MpiSession& session();

/// All ranks of the test.
[[nodiscard]] inline comm::Communicator& world() { return session().world(); }

}  // namespace westofn::testing
