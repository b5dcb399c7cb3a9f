// SPDX-License-Identifier: Apache-2.0
#include "model/runtime.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <vector>

#include "util/error.h"

namespace westofn::model {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Runtime, SetsThreadsAndType) {
  RuntimeSettings settings;
  settings.device = DeviceChoice::cpu;
  settings.dtype = ComputeType::bfloat16;
  settings.threads = 2;
  const int before = at::get_num_threads();
  const Placement placement = start_runtime(settings, 3);
  EXPECT_EQ(at::get_num_threads(), 2);
  EXPECT_EQ(placement.device, at::Device(at::kCPU));
  EXPECT_EQ(placement.dtype, at::kBFloat16);
  at::set_num_threads(before);
}

TEST(Runtime, RefusesAGpuThatIsNotThere) {
  RuntimeSettings settings;
  settings.device = DeviceChoice::cuda;
  if (at::getNumGPUs() == 0) {
    EXPECT_THROW((void)start_runtime(settings, 0), ConfigError);
    EXPECT_THROW((void)computing_settings(settings, Work::training), ConfigError);
  } else {
    EXPECT_TRUE(start_runtime(settings, 0).device.is_cuda());
  }
}

TEST(Runtime, KeyHoldsWhatChangesResultsOnly) {
  RuntimeSettings settings;
  settings.device = DeviceChoice::cpu;
  struct Case {
    Work work;
    std::vector<std::int64_t RuntimeSettings::*> counts;
  };
  using S = RuntimeSettings;
  for (const Case& c : {Case{Work::generation, {&S::threads, &S::shard_size}},
                        Case{Work::scoring, {&S::threads, &S::batch_rows, &S::batch_tokens}},
                        Case{Work::training, {&S::threads, &S::micro_batch, &S::batch_rows, &S::batch_tokens}}}) {
    const std::string text = computing_settings(settings, c.work);
    EXPECT_THAT(text, HasSubstr("device: cpu\ndtype: float32\nthreads: 1\n"));
    for (const auto count : {&S::threads, &S::shard_size, &S::micro_batch, &S::batch_rows, &S::batch_tokens}) {
      RuntimeSettings changed = settings;
      changed.checkpoint_minutes = 99;
      EXPECT_EQ(computing_settings(changed, c.work), text);
      ++(changed.*count);
      const bool matters = std::find(c.counts.begin(), c.counts.end(), count) != c.counts.end();
      EXPECT_EQ(computing_settings(changed, c.work) != text, matters);
    }
  }
  settings.device = DeviceChoice::automatic;
  EXPECT_THAT(computing_settings(settings, Work::scoring), Not(HasSubstr("auto")));
}

}  // namespace
}  // namespace westofn::model
