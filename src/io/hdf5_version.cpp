// SPDX-License-Identifier: Apache-2.0
#include "io/hdf5_version.h"

#include <hdf5.h>

namespace westofn::io {

Hdf5Version hdf5_version() {
  unsigned major = 0;
  unsigned minor = 0;
  unsigned release = 0;
  H5get_libversion(&major, &minor, &release);
#ifdef H5_HAVE_PARALLEL
  const ParallelHdf5 parallel = ParallelHdf5::yes;
#else
  const ParallelHdf5 parallel = ParallelHdf5::no;
#endif
  return {std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(release), parallel};
}

}  // namespace westofn::io
