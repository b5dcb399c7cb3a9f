// SPDX-License-Identifier: Apache-2.0
// The `runtime` section: where and in what precision models compute, and in what portions.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "config/types.h"
#include "model/t5.h"

namespace westofn::model {

enum class DeviceChoice { automatic, cpu, cuda };
enum class ComputeType { float32, bfloat16 };

struct RuntimeSettings {
  DeviceChoice device = DeviceChoice::automatic;
  ComputeType dtype = ComputeType::float32;
  std::int64_t threads = 1;
  std::int64_t shard_size = 16;
  std::int64_t micro_batch = 8;
  std::int64_t batch_rows = 64;
  std::int64_t batch_tokens = 16384;
  double checkpoint_minutes = 10;
  bool activation_checkpointing = false;
  std::int64_t check_weights_every = 100;
};

template <class V>
void visit_fields(V& v, RuntimeSettings& s) {
  v.optional("device", s.device, "auto (a GPU if this rank has one), cpu or cuda");
  v.optional("dtype", s.dtype, "type of weights and activations: float32 or bfloat16");
  v.optional("threads", s.threads, "CPU threads of a rank; results depend on it in the last bits");
  v.optional("shard_size", s.shard_size, "prompts of a shard: the portion that one rank makes as a whole");
  v.optional("micro_batch", s.micro_batch, "examples of a training batch that are computed at once");
  v.optional("batch_rows", s.batch_rows, "inputs that are scored at once");
  v.optional("batch_tokens", s.batch_tokens, "tokens, with padding, that are scored at once");
  v.optional("activation_checkpointing", s.activation_checkpointing,
             "training keeps only the inputs of blocks and computes the rest again: less memory, a third more work");
  v.optional("check_weights_every", s.check_weights_every,
             "steps after which the ranks compare their weights bit by bit, also when a loss is no number; 0: never");
  v.optional("checkpoint_minutes", s.checkpoint_minutes, "minutes of training that a killed job may lose");
  const auto positive = [&](const char* key, std::int64_t value) {
    v.check(key, value >= 1 && value <= 1'000'000, "a number from 1 to 1000000");
  };
  positive("threads", s.threads);
  positive("shard_size", s.shard_size);
  positive("micro_batch", s.micro_batch);
  positive("batch_rows", s.batch_rows);
  positive("batch_tokens", s.batch_tokens);
  v.check("check_weights_every", s.check_weights_every >= 0, "a number that is not negative");
  v.check("checkpoint_minutes", s.checkpoint_minutes >= 0 && s.checkpoint_minutes <= 1e6, "minutes from 0 to 1e6");
}

/// What a stage computes, which decides which of the settings can change its results.
enum class Work { generation, scoring, training };

/// The settings that can change a result of such work, for keys of stages. `device` is the one that was chosen.
[[nodiscard]] std::string computing_settings(const RuntimeSettings& settings, Work work);

/// Local. Whether this process sees a GPU; `auto` means that all ranks do.
[[nodiscard]] bool sees_gpu();

/// Local. Chooses the device (GPU number `node_rank` of this machine, where GPUs are wanted and there) and sets the
/// number of threads of this process. Throws ConfigError if cuda is asked for and missing.
[[nodiscard]] Placement start_runtime(const RuntimeSettings& settings, int node_rank);

}  // namespace westofn::model

namespace westofn::config {

template <>
struct EnumNames<model::DeviceChoice> {
  using E = model::DeviceChoice;
  static constexpr std::array table = {EnumName<E>{E::automatic, "auto"}, EnumName<E>{E::cpu, "cpu"},
                                       EnumName<E>{E::cuda, "cuda"}};
};

template <>
struct EnumNames<model::ComputeType> {
  using E = model::ComputeType;
  static constexpr std::array table = {EnumName<E>{E::float32, "float32"}, EnumName<E>{E::bfloat16, "bfloat16"}};
};

}  // namespace westofn::config
