// SPDX-License-Identifier: Apache-2.0
#include "model/t5_weights.h"

#include <ATen/ops/ones.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "model/normal.h"

namespace westofn::model {
namespace {

double inverse_root(std::int64_t width) { return 1 / std::sqrt(static_cast<double>(width)); }

/// Collects the slots of one model.
class SlotList {
 public:
  explicit SlotList(const T5Config& config) : config_(config) {}

  void add(std::string name, std::vector<std::int64_t> shape, double deviation, at::Tensor& value) {
    slots_.push_back({std::move(name) + ".weight", std::move(shape), deviation, &value});
  }

  void add_norm(const std::string& name, at::Tensor& value) { add(name, {config_.d_model}, 0, value); }

  /// `layer` is "encoder.block.0.layer.0", `kind` "SelfAttention" or "EncDecAttention".
  void add_attention(const std::string& layer, const std::string& kind, AttentionWeights& weights) {
    const std::int64_t width = config_.d_model;
    const std::int64_t inner = config_.inner();
    const std::string prefix = layer + "." + kind + ".";
    add(prefix + "q", {inner, width}, inverse_root(width * config_.d_kv), weights.q);
    add(prefix + "k", {inner, width}, inverse_root(width), weights.k);
    add(prefix + "v", {inner, width}, inverse_root(width), weights.v);
    add(prefix + "o", {width, inner}, inverse_root(inner), weights.o);
    add_norm(layer + ".layer_norm", weights.norm_D);
  }

  void add_feed_forward(const std::string& layer, FeedForwardWeights& weights) {
    const std::int64_t width = config_.d_model;
    const bool gated = config_.feed_forward == FeedForward::gated_gelu;
    const std::string prefix = layer + ".DenseReluDense.";
    add(prefix + (gated ? "wi_0" : "wi"), {config_.d_ff, width}, inverse_root(width), weights.wi_0);
    if (gated) add(prefix + "wi_1", {config_.d_ff, width}, inverse_root(width), weights.wi_1);
    add(prefix + "wo", {width, config_.d_ff}, inverse_root(config_.d_ff), weights.wo);
    add_norm(layer + ".layer_norm", weights.norm_D);
  }

  void add_relative_bias(const std::string& stack, at::Tensor& table_RH) {
    add(stack + ".block.0.layer.0.SelfAttention.relative_attention_bias",
        {config_.relative_attention_num_buckets, config_.num_heads}, inverse_root(config_.d_model), table_RH);
  }

  std::vector<WeightSlot> sorted() && {
    std::sort(slots_.begin(), slots_.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return std::move(slots_);
  }

 private:
  const T5Config& config_;
  std::vector<WeightSlot> slots_;
};

/// "encoder.block.3.layer."
std::string block(const std::string& stack, std::size_t number) {
  return stack + ".block." + std::to_string(number) + ".layer.";
}

}  // namespace

std::vector<WeightSlot> T5Weights::slots(T5& model) {
  const T5Config& config = model.config_;
  SlotList list(config);
  list.add("shared", {config.vocab_size, config.d_model}, 1, model.embedding_VD_);
  if (!config.tie_word_embeddings) list.add("lm_head", {config.vocab_size, config.d_model}, 1, model.head_VD_);
  list.add_relative_bias("encoder", model.encoder_bias_RH_);
  list.add_relative_bias("decoder", model.decoder_bias_RH_);
  list.add_norm("encoder.final_layer_norm", model.encoder_norm_D_);
  list.add_norm("decoder.final_layer_norm", model.decoder_norm_D_);
  model.encoder_.resize(static_cast<std::size_t>(config.num_layers));
  for (std::size_t i = 0; i < model.encoder_.size(); ++i) {
    const std::string prefix = block("encoder", i);
    list.add_attention(prefix + "0", "SelfAttention", model.encoder_[i].self);
    list.add_feed_forward(prefix + "1", model.encoder_[i].feed_forward);
  }
  model.decoder_.resize(static_cast<std::size_t>(config.num_decoder_layers));
  for (std::size_t i = 0; i < model.decoder_.size(); ++i) {
    const std::string prefix = block("decoder", i);
    list.add_attention(prefix + "0", "SelfAttention", model.decoder_[i].self);
    list.add_attention(prefix + "1", "EncDecAttention", model.decoder_[i].cross);
    list.add_feed_forward(prefix + "2", model.decoder_[i].feed_forward);
  }
  return std::move(list).sorted();
}

std::vector<WeightSlot> T5Weights::slots_of(const T5Config& config) {
  T5 empty = blank(config, {});
  auto all = slots(empty);
  for (WeightSlot& slot : all) slot.value = nullptr;
  return all;
}

T5 T5Weights::blank(const T5Config& config, Placement placement) { return T5(config, placement); }

void T5Weights::tie(T5& model) {
  if (model.config_.tie_word_embeddings) model.head_VD_ = model.embedding_VD_;
}

T5 T5::random(const T5Config& config, std::uint64_t seed, Placement placement) {
  T5 model(config, placement);
  for (const WeightSlot& slot : T5Weights::slots(model)) {
    const at::Tensor start = slot.deviation > 0
                                 ? normal_tensor(Philox("init", seed, 0, slot.name), slot.shape, slot.deviation)
                                 : at::ones(slot.shape, at::kFloat);
    *slot.value = start.to(placement.device, placement.dtype);
  }
  T5Weights::tie(model);
  return model;
}

}  // namespace westofn::model
