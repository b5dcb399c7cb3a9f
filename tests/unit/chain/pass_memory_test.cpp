// SPDX-License-Identifier: Apache-2.0
// The account of a pass against what the allocator hands out while real passes run.
#include <ATen/ops/zeros_like.h>
#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "chain/estimate/pass_memory.h"
#include "cpu/kernels.h"
#include "dataset/batch_order.h"
#include "gradient/first_step_pass.h"
#include "gradient/target_pass.h"
#include "model/reward_model.h"
#include "training/reward_task.h"
#include "training/sft_task.h"

namespace westofn::chain {
namespace {

using model::ComputeType;
using model::FeedForward;

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

model::T5Config small_config(FeedForward kind) {
  model::T5Config config{.vocab_size = 700, .d_model = 96, .d_kv = 16, .d_ff = 160, .num_layers = 5};
  config.num_decoder_layers = 4;
  config.num_heads = 4;
  config.feed_forward = kind;
  config.tie_word_embeddings = kind == FeedForward::relu;
  return config;
}

struct Case {
  FeedForward feed_forward;
  ComputeType type;
  bool keeps_inputs;
  double dropout;
};
std::string name_of(const ::testing::TestParamInfo<Case>& info) {
  const Case& c = info.param;
  return std::string(c.feed_forward == FeedForward::relu ? "relu" : "gated") +
         (c.type == ComputeType::float32 ? "_float32" : "_bfloat16") + (c.keeps_inputs ? "_inputs" : "_all") +
         (c.dropout > 0 ? "_dropout" : "");
}

model::T5 make_model(const Case& c) {
  return model::T5::random(small_config(c.feed_forward), 1,
                           {at::kCPU, c.type == ComputeType::float32 ? at::kFloat : at::kBFloat16});
}

PassShape shape_of(const Case& c, Computing computing, Logits logits) {
  model::RuntimeSettings runtime;
  runtime.device = computing == Computing::kernels ? model::DeviceChoice::cpu : model::DeviceChoice::cuda;
  runtime.dtype = c.type;
  runtime.activation_checkpointing = c.keeps_inputs;
  return pass_shape(runtime, c.dropout, logits);
}

/// The account is never below what was held, and not more than half above it.
void expect_bound(double held, double account, const std::string& what) {
  EXPECT_LE(held, account) << what;
  EXPECT_GE(held, account / 1.5) << what;
}

tokenizer::Tokens row(double tokens) { return tokenizer::Tokens(static_cast<std::size_t>(tokens), 7); }
const gradient::GradientSink nowhere = [](const at::Tensor&, const at::Tensor&) {};
RandomSequence some_random() { return RandomSequence(Philox("memory", 1, 0, "")); }

/// What a task holds while it trains on these examples, and while it validates.
void expect_account(training::Task& task, const std::vector<std::int64_t>& examples, const model::T5Config& config,
                    const PassShape& pass, const BatchShape& shape) {
  static_cast<void>(task.weights());
  {
    const MemoryCount count;
    static_cast<void>(task.differentiate(examples, some_random(), nowhere));
    expect_bound(count.peak(), training_pass(config, pass, shape).total(), "training");
  }
  const MemoryCount count;
  static_cast<void>(task.validate(0));
  expect_bound(count.peak(), validation_pass(config, pass, shape), "validation");
}

class PassMemoryTest : public ::testing::TestWithParam<Case> {
 protected:
  [[nodiscard]] training::PassSettings settings() const {
    return {GetParam().dropout, GetParam().keeps_inputs ? gradient::Keep::inputs : gradient::Keep::activations};
  }
  [[nodiscard]] gradient::DropoutSource dropout(std::size_t sequences) const {
    return {GetParam().dropout, std::vector<std::uint32_t>(sequences, 5)};
  }
};

TEST_P(PassMemoryTest, OfARewardModelIsWhatItsPassesHold) {
  const model::T5 t5 = make_model(GetParam());
  model::RewardModel model{t5, model::random_head(t5, 1), {}};
  for (const BatchShape shape : {BatchShape{4, 400, 1}, BatchShape{16, 60, 1}}) {
    const std::vector<training::PairExample> pairs(static_cast<std::size_t>(shape.rows / 2),
                                                   {row(shape.source), row(shape.source)});
    std::vector<std::int64_t> all(pairs.size());
    training::RewardTask task(model, {pairs, pairs, dataset::cycled({0}, 1)}, {}, {}, settings());
    expect_account(task, all, t5.config(), shape_of(GetParam(), Computing::kernels, Logits::left_out), shape);
  }
}

TEST_P(PassMemoryTest, OfAPolicyIsWhatItsPassesHold) {
  model::T5 t5 = make_model(GetParam());
  for (const BatchShape shape : {BatchShape{4, 300, 20}, BatchShape{8, 30, 120}}) {
    const std::vector<training::TextExample> rows(static_cast<std::size_t>(shape.rows),
                                                  {row(shape.source), row(shape.target)});
    std::vector<std::int64_t> all(rows.size());
    training::SftTask task(t5, {rows, rows, dataset::cycled({0}, 1)}, {}, settings());
    expect_account(task, all, t5.config(), shape_of(GetParam(), Computing::kernels, Logits::computed), shape);
  }
}

/// What GPUs run, here on the CPU.
TEST_P(PassMemoryTest, OfTensorsIsWhatTheirPassesHold) {
  const model::T5 t5 = make_model(GetParam());
  const gradient::Network network(t5, gradient::make_tensor_operations(t5.config(), t5.placement()));
  const BatchShape shape{4, 200, 40};
  const std::vector<tokenizer::Tokens> sources(4, row(shape.source));
  const gradient::DropoutSource drops = dropout(sources.size());
  {
    const MemoryCount count;
    gradient::FirstStepPass pass({network, drops, settings().keep});
    const at::Tensor states = pass.forward(sources);
    pass.backward(at::zeros_like(states), {}, nowhere);
    const PassShape account = shape_of(GetParam(), Computing::tensors, Logits::left_out);
    expect_bound(count.peak(), training_pass(t5.config(), account, shape).total(), "first step");
  }
  const MemoryCount count;
  gradient::TargetPass pass({network, drops, settings().keep});
  const at::Tensor states = pass.forward(sources, std::vector<tokenizer::Tokens>(4, row(shape.target)));
  pass.backward(at::zeros_like(states), {}, nowhere);
  const PassShape account = shape_of(GetParam(), Computing::tensors, Logits::computed);
  expect_bound(count.peak(), training_pass(t5.config(), account, shape).total(), "targets");
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const auto kind : {FeedForward::gated_gelu, FeedForward::relu}) {
    for (const auto type : {ComputeType::float32, ComputeType::bfloat16}) {
      for (const bool keeps_inputs : {false, true}) {
        for (const double dropout : {0.0, 0.1}) all.push_back({kind, type, keeps_inputs, dropout});
      }
    }
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Kinds, PassMemoryTest, ::testing::ValuesIn(cases()), name_of);

}  // namespace
}  // namespace westofn::chain
