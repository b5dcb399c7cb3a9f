// SPDX-License-Identifier: Apache-2.0
// What engines have computed, and where the time went: counters for the reports of stages.
#pragma once

#include <cstdint>
#include <utility>

#include "util/clock.h"

namespace westofn::inference {

/// Sums of the calling thread; only differences mean something. An engine counts on the thread that calls it, whatever
/// threads help it. Times are those of a CPU: on a GPU, where a call returns before its work is done, they stay 0.
struct Work {
  std::int64_t encoder_tokens = 0;  ///< read
  std::int64_t encoder_rows = 0;    ///< computed for them, padding included
  std::int64_t decoder_tokens = 0;  ///< positions of live rows
  std::int64_t decoder_rows = 0;    ///< computed for them, padding and rows that have ended included
  std::int64_t decoder_steps = 0;   ///< batches that went through the decoder
  double product_s = 0;             ///< in products with matrices of weights
  double attention_s = 0;           ///< in attention: products of queries, keys and values, softmax, their packing
};

/// The counters of this thread.
[[nodiscard]] inline Work& work() {
  thread_local Work counters;
  return counters;
}

/// Adds the time of its life to a counter of this thread.
class WorkClock {
 public:
  WorkClock(double Work::*counter, bool measures) : counter_(counter), start_(measures ? steady_seconds() : -1) {}
  ~WorkClock() {
    if (start_ >= 0) work().*counter_ += steady_seconds() - start_;
  }
  WorkClock(const WorkClock&) = delete;
  WorkClock& operator=(const WorkClock&) = delete;

 private:
  double Work::*counter_;
  double start_;
};

}  // namespace westofn::inference
