// SPDX-License-Identifier: Apache-2.0
#include "inference/decoder.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/tensor.h>

#include <vector>

#include "inference/work.h"

namespace westofn::inference {

Decoder::Decoder(const Engine& engine, const DecoderCapacity& capacity) : engine_(&engine) {
  const std::int64_t positions = cache_positions(capacity.positions);
  const at::Tensor bias_HT =
      engine.position_table(engine.weights_->decoder_bias_RH, 1 - positions, 0, model::Direction::backward);
  cache_ = engine.backend().make_cache(capacity, bias_HT);
}

void Decoder::put_sources(std::span<const tokenizer::Tokens> prompts, std::span<const std::int64_t> places) {
  const at::NoGradGuard no_gradients;
  const Source source = engine_->encode(prompts);
  const auto& layers = engine_->weights_->decoder();
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const at::Tensor keys_values = layers[i].cross.keys_values->multiply(source.hidden_MD);
    const WorkClock clock(&Work::attention_s, engine_->placement().device.is_cpu());
    cache_->put_source(i, keys_values, source.layout, places);
  }
}

at::Tensor Decoder::step(std::span<const DecoderRow> rows) {
  const at::NoGradGuard no_gradients;
  const Backend& backend = engine_->backend();
  const Weights& weights = *engine_->weights_;
  cache_->begin_step(rows);
  std::vector<std::int64_t> ids;
  for (const DecoderRow& row : rows) {
    ids.push_back(row.id);
    work().decoder_tokens += row.live ? 1 : 0;
  }
  work().decoder_rows += static_cast<std::int64_t>(rows.size());
  ++work().decoder_steps;
  const bool is_cpu = engine_->placement().device.is_cpu();
  const auto attend = [is_cpu](const auto& compute) {
    const WorkClock clock(&Work::attention_s, is_cpu);
    return compute();
  };
  at::Tensor x_RD = engine_->embed(at::tensor(ids, at::kLong).to(engine_->placement().device));
  for (std::size_t i = 0; i < weights.decoder().size(); ++i) {
    const DecoderMatrices& layer = weights.decoder()[i];
    const at::Tensor qkv = layer.self.qkv->multiply(backend.norm(x_RD, layer.self.norm_D));
    layer.self.out->add_to(attend([&] { return cache_->attend_target(i, qkv); }), x_RD);
    const at::Tensor queries = layer.cross.query->multiply(backend.norm(x_RD, layer.cross.norm_D));
    layer.cross.out->add_to(attend([&] { return cache_->attend_source(i, queries); }), x_RD);
    engine_->add_feed_forward(x_RD, layer.feed_forward);
  }
  return backend.norm(x_RD, weights.decoder_norm_D);
}

}  // namespace westofn::inference
