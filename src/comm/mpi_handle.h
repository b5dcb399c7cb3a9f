// SPDX-License-Identifier: Apache-2.0
// What crosses the border between MPI and code that does not include mpi.h.
#pragma once

#include <optional>

#include "comm/communicator.h"

namespace westofn::comm {

/// An MPI communicator as its Fortran handle: MPI_Comm_f2c(static_cast<int>(handle)) gives the MPI_Comm.
enum class MpiHandle : int {};

/// Local. The MPI communicator behind `comm`, for libraries that need one (parallel HDF5); nothing if there is none.
[[nodiscard]] std::optional<MpiHandle> mpi_handle(const Communicator& comm);

/// Throws CommError with MPI's own text if `code`, returned by the MPI function `call`, is not MPI_SUCCESS.
void check_mpi(int code, const char* call);

}  // namespace westofn::comm
