// SPDX-License-Identifier: Apache-2.0
// The formulas of activations against what the allocator hands out.
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/sum.h>
#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "chain/estimate/memory.h"
#include "model/batch.h"
#include "model/reward_model.h"
#include "scoring/scores.h"

namespace westofn::chain {
namespace {

/// Counts the bytes of CPU tensors that this thread makes while the object lives.
class MemoryCount {
 public:
  MemoryCount() : counter_(std::make_shared<Counter>()), guard_(c10::DebugInfoKind::PROFILER_STATE, counter_) {}

  [[nodiscard]] double live() const { return static_cast<double>(counter_->live); }
  [[nodiscard]] double peak() const { return static_cast<double>(counter_->peak); }

 private:
  struct Counter : c10::MemoryReportingInfoBase {
    std::int64_t live = 0;
    std::int64_t peak = 0;

    void reportMemoryUsage(void* /*memory*/, std::int64_t bytes, std::size_t /*allocated*/, std::size_t /*reserved*/,
                           c10::Device /*device*/) override {
      live += bytes;
      peak = std::max(peak, live);
    }
    [[nodiscard]] bool memoryProfilingEnabled() const override { return true; }
  };

  std::shared_ptr<Counter> counter_;
  c10::DebugInfoGuard guard_;
};

model::T5Config small_config(model::FeedForward kind) {
  model::T5Config config{.vocab_size = 300, .d_model = 96, .d_kv = 16, .d_ff = 160, .num_layers = 3};
  config.num_decoder_layers = 2;
  config.num_heads = 4;
  config.feed_forward = kind;
  return config;
}

model::T5 trainable(const model::T5Config& config, model::ComputeType type) {
  const at::ScalarType dtype = type == model::ComputeType::bfloat16 ? at::kBFloat16 : at::kFloat;
  model::T5 t5 = model::T5::random(config, 1, {at::kCPU, dtype});
  for (auto& parameter : t5.parameters()) parameter.value.requires_grad_(true);
  return t5;
}

model::TokenBatch batch_of(std::int64_t rows, std::int64_t tokens) {
  const std::vector<tokenizer::Tokens> lists(static_cast<std::size_t>(rows),
                                             tokenizer::Tokens(static_cast<std::size_t>(tokens), 7));
  return model::make_batch(lists, at::kCPU);
}

struct Case {
  model::FeedForward kind;
  model::ComputeType type;
};

class Activations : public ::testing::TestWithParam<Case> {
 protected:
  static constexpr double rows = 4;
  static constexpr double source = 60;
};

/// What is kept is known to a hundredth; the peak is an upper bound, and not more than half too high.
template <class Loss>
void check(const model::T5Config& config, const Case& c, const BatchShape& shape, Logits logits,
           const Loss& make_loss) {
  const model::T5 t5 = trainable(config, c.type);
  const at::AutoGradMode with_gradients(true);
  const double gradients = number_bytes(c.type) * static_cast<double>(count_weights(config).total());
  const double kept = kept_activations(config, c.type, shape, logits);
  const MemoryCount count;
  const at::Tensor loss = make_loss(t5);
  EXPECT_NEAR(count.live(), kept, 0.02 * kept);
  loss.backward();
  const training::TrainSettings train{.batch = 1};
  model::RuntimeSettings runtime;
  runtime.dtype = c.type;
  const PhaseMemory memory = training_memory(config, {train, runtime, 1, shape, logits});
  const double bound = memory.activations + gradients;
  EXPECT_LE(count.peak(), bound);
  EXPECT_GE(count.peak(), bound / 1.5);
}

TEST_P(Activations, OfFineTuningAreWhatAutogradKeeps) {
  const model::T5Config config = small_config(GetParam().kind);
  const BatchShape shape{rows, source, 25};
  check(config, GetParam(), shape, Logits::computed, [](const model::T5& t5) {
    return -scoring::sequence_log_likelihood(t5, batch_of(4, 60), batch_of(4, 25)).sum();
  });
}

TEST_P(Activations, OfARewardModelAreWhatAutogradKeeps) {
  const model::T5Config config = small_config(GetParam().kind);
  const BatchShape shape{rows, source, 1};
  check(config, GetParam(), shape, Logits::left_out, [](const model::T5& t5) {
    const model::RewardModel model{t5, model::random_head(t5, 1), {}};
    return model::reward(model, batch_of(4, 60)).sum();
  });
}

INSTANTIATE_TEST_SUITE_P(Kinds, Activations,
                         ::testing::Values(Case{model::FeedForward::gated_gelu, model::ComputeType::float32},
                                           Case{model::FeedForward::gated_gelu, model::ComputeType::bfloat16},
                                           Case{model::FeedForward::relu, model::ComputeType::float32},
                                           Case{model::FeedForward::relu, model::ComputeType::bfloat16}));

}  // namespace
}  // namespace westofn::chain
