// SPDX-License-Identifier: Apache-2.0
#include "comm/mpi_handle.h"

#include <mpi.h>

#include <string>

#include "comm/mpi_communicator.h"

namespace westofn::comm {

std::optional<MpiHandle> mpi_handle(const Communicator& comm) {
  const auto* mpi = dynamic_cast<const MpiCommunicator*>(&comm);
  if (mpi == nullptr) return std::nullopt;
  return mpi->handle();
}

void check_mpi(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw CommError(std::string(call) + " failed: " + std::string(text, static_cast<std::size_t>(length)) +
                  ". Start the same command again; finished work is kept.");
}

}  // namespace westofn::comm
