// SPDX-License-Identifier: Apache-2.0
#include "gradient/network.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/zeros.h>

#include <utility>

#include "model/layers.h"

namespace westofn::gradient {
namespace {

/// Moves the parts into one matrix.
at::Tensor join(std::vector<at::Tensor> parts) {
  at::Tensor whole = at::cat(parts, 0).detach();
  std::int64_t row = 0;
  for (at::Tensor& part : parts) {
    const std::int64_t rows = part.size(0);
    part.set_data(whole.narrow(0, row, rows));
    row += rows;
  }
  return whole;
}

AttentionMatrices join_self(const model::AttentionWeights& w) { return {w, join({w.q, w.k, w.v})}; }
AttentionMatrices join_cross(const model::AttentionWeights& w) { return {w, join({w.k, w.v})}; }
FeedForwardMatrices join_in(const model::FeedForwardWeights& w) {
  return {w, w.wi_1.defined() ? join({w.wi_0, w.wi_1}) : w.wi_0};
}

model::Direction direction_of(Sight sight) {
  return sight == Sight::all ? model::Direction::both : model::Direction::backward;
}

/// The bucket of relative positions -(tokens-1) .. tokens-1.
at::Tensor buckets_W(std::int64_t tokens, Sight sight, const model::T5Config& config, at::Device device) {
  const at::Tensor positions_W = at::arange(1 - tokens, tokens, at::kLong);
  return model::relative_buckets(positions_W, direction_of(sight), config).to(device);
}

}  // namespace

Network::Network(const model::T5& t5) : Network(t5, make_operations(t5.config(), t5.placement())) {}

Network::Network(const model::T5& t5, std::unique_ptr<Operations> operations)
    : t5_(t5), operations_(std::move(operations)) {
  for (const auto& layer : t5.encoder()) encoder_.push_back({join_self(layer.self), join_in(layer.feed_forward)});
  for (const auto& layer : t5.decoder()) {
    decoder_.push_back({join_self(layer.self), join_cross(layer.cross), join_in(layer.feed_forward)});
  }
}

at::Tensor Network::embed(const at::Tensor& ids_M) const {
  return at::embedding(t5_.embedding_VD(), ids_M).to(operations_->wide());
}

at::Tensor Network::bias_by_position(const at::Tensor& table_RH, std::int64_t tokens, Sight sight) const {
  const at::Tensor buckets = buckets_W(tokens, sight, config(), table_RH.device());
  return at::embedding(table_RH, buckets).t().to(operations_->wide()).contiguous();
}

at::Tensor Network::bias_gradient(const at::Tensor& by_position_HW, std::int64_t tokens, Sight sight) const {
  const at::Tensor buckets = buckets_W(tokens, sight, config(), by_position_HW.device());
  const at::Tensor table_HR =
      at::zeros({by_position_HW.size(0), config().relative_attention_num_buckets}, by_position_HW.options());
  return table_HR.index_add(1, buckets, by_position_HW).t().contiguous();
}

TokenRows token_rows(const Network& network, std::span<const tokenizer::Tokens> sequences) {
  std::vector<std::int64_t> lengths;
  for (const auto& sequence : sequences) lengths.push_back(static_cast<std::int64_t>(sequence.size()));
  TokenRows rows{network.operations().lay_out(std::move(lengths)), {}};
  rows.ids_M = at::zeros({rows.layout.rows}, at::kLong);
  auto* ids = rows.ids_M.mutable_data_ptr<std::int64_t>();
  for (std::size_t b = 0; b < sequences.size(); ++b) {
    std::copy(sequences[b].begin(), sequences[b].end(), ids + rows.layout.begins[b]);
  }
  rows.ids_M = rows.ids_M.to(network.t5().placement().device);
  return rows;
}

EmbeddingGradient::EmbeddingGradient(const Network& network, at::Tensor start)
    : network_(network), sum_VD_(std::move(start)) {
  const at::Tensor& weight_VD = network.t5().embedding_VD();
  const at::ScalarType wide = network.operations().wide();
  if (!sum_VD_.defined()) sum_VD_ = at::zeros(weight_VD.sizes(), weight_VD.options().dtype(wide));
}

void EmbeddingGradient::hand_out(const GradientSink& sink) const {
  sink(network_.t5().embedding_VD(), network_.operations().narrow(sum_VD_));
}

}  // namespace westofn::gradient
