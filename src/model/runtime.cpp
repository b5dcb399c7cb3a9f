// SPDX-License-Identifier: Apache-2.0
#include "model/runtime.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <malloc.h>

#include "util/error.h"

namespace westofn::model {
namespace {

/// Throws ConfigError if a GPU is asked for and this process sees none.
DeviceChoice chosen_device(DeviceChoice wish) {
  const bool has_gpu = sees_gpu();
  if (wish == DeviceChoice::cuda && !has_gpu) {
    throw ConfigError(
        "runtime.device is cuda, but this process sees no GPU: ask the scheduler for one, look at the output of "
        "`westofn doctor`, or set runtime.device to cpu");
  }
  if (wish == DeviceChoice::automatic) return has_gpu ? DeviceChoice::cuda : DeviceChoice::cpu;
  return wish;
}

/// Activations come and go at every step: giving their pages back to the system and asking for them again costs a few
/// percent of the time.
void keep_freed_memory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 32 << 20);  // the largest that glibc takes
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
#endif
}

}  // namespace

bool sees_gpu() { return at::getNumGPUs() > 0; }

std::string computing_settings(const RuntimeSettings& settings, Work work) {
  const auto line = [](const char* key, std::string_view value) {
    return std::string(key) + ": " + std::string(value) + "\n";
  };
  const auto number = [&](const char* key, std::int64_t value) { return line(key, std::to_string(value)); };
  std::string text = line("device", config::enum_name(chosen_device(settings.device))) +
                     line("dtype", config::enum_name(settings.dtype)) + number("threads", settings.threads);
  if (work == Work::generation) return text + number("shard_size", settings.shard_size);
  if (work == Work::training) text += number("micro_batch", settings.micro_batch);
  return text + number("batch_rows", settings.batch_rows) + number("batch_tokens", settings.batch_tokens);
}

Placement start_runtime(const RuntimeSettings& settings, int node_rank) {
  at::set_num_threads(static_cast<int>(settings.threads));
  const auto dtype = settings.dtype == ComputeType::float32 ? at::kFloat : at::kBFloat16;
  if (chosen_device(settings.device) == DeviceChoice::cpu) {
    keep_freed_memory();
    return {at::kCPU, dtype};
  }
  // A launcher may show every rank only its own GPU, which is then number 0.
  const auto gpu = static_cast<at::DeviceIndex>(node_rank % static_cast<int>(at::getNumGPUs()));
  return {at::Device(at::kCUDA, gpu), dtype};
}

}  // namespace westofn::model
