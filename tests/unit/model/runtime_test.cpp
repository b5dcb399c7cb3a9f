// SPDX-License-Identifier: Apache-2.0
#include "model/runtime.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>

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
    EXPECT_THROW((void)computing_settings(settings), ConfigError);
  } else {
    EXPECT_TRUE(start_runtime(settings, 0).device.is_cuda());
  }
}

TEST(Runtime, KeyHoldsWhatChangesResultsOnly) {
  RuntimeSettings settings;
  settings.device = DeviceChoice::cpu;
  const std::string text = computing_settings(settings);
  EXPECT_THAT(text, HasSubstr("device: cpu\ndtype: float32\nthreads: 1\n"));
  settings.checkpoint_minutes = 99;
  EXPECT_EQ(computing_settings(settings), text);
  for (std::int64_t* value :
       {&settings.threads, &settings.shard_size, &settings.micro_batch, &settings.batch_rows, &settings.batch_tokens}) {
    ++*value;
    EXPECT_NE(computing_settings(settings), text);
    --*value;
  }
  settings.device = DeviceChoice::automatic;
  EXPECT_THAT(computing_settings(settings), Not(HasSubstr("auto")));
}

}  // namespace
}  // namespace westofn::model
