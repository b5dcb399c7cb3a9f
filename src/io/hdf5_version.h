// SPDX-License-Identifier: Apache-2.0
// Which HDF5 library the program runs with.
#pragma once

#include <string>

namespace westofn::io {

enum class ParallelHdf5 { no, yes };

struct Hdf5Version {
  std::string version;  ///< "1.10.8"
  ParallelHdf5 parallel = ParallelHdf5::no;
};

[[nodiscard]] Hdf5Version hdf5_version();

}  // namespace westofn::io
