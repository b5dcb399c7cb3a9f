// SPDX-License-Identifier: Apache-2.0
// What a worker of compare.py has used so far.
#pragma once

#include <sys/resource.h>

#include <ctime>

namespace westofn::benchmark {

/// Seconds of all threads of this process.
inline double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// The largest resident memory of this process up to now.
inline double peak_rss_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

}  // namespace westofn::benchmark
