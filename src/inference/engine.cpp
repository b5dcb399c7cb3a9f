// SPDX-License-Identifier: Apache-2.0
#include "inference/engine.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "inference/token_likelihoods.h"
#include "inference/work.h"
#include "util/error.h"
#include "util/fault.h"
#include "util/log.h"

namespace westofn::inference {
namespace {

std::vector<std::int64_t> lengths_of(std::span<const tokenizer::Tokens> sequences) {
  std::vector<std::int64_t> lengths;
  for (const auto& tokens : sequences) {
    WESTOFN_CHECK(!tokens.empty(), "every sequence has tokens");
    lengths.push_back(static_cast<std::int64_t>(tokens.size()));
  }
  return lengths;
}

/// The ids of sequences laid out, 0 at padding.
std::vector<std::int64_t> lay_out_ids(std::span<const tokenizer::Tokens> sequences, const Layout& layout) {
  std::vector<std::int64_t> ids(static_cast<std::size_t>(layout.rows), 0);
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    std::copy(sequences[i].begin(), sequences[i].end(), ids.begin() + layout.begins[i]);
  }
  return ids;
}

/// What the decoder reads to write the targets: all but the last token of each, behind the start token.
std::vector<tokenizer::Tokens> shift(std::span<const tokenizer::Tokens> targets, std::int64_t start_id) {
  std::vector<tokenizer::Tokens> shifted(targets.begin(), targets.end());
  for (tokenizer::Tokens& tokens : shifted) {
    std::rotate(tokens.rbegin(), tokens.rbegin() + 1, tokens.rend());
    tokens.front() = static_cast<tokenizer::TokenId>(start_id);
  }
  return shifted;
}

void count_decoder_work(std::int64_t tokens, std::int64_t rows) {
  work().decoder_tokens += tokens;
  work().decoder_rows += rows;
  ++work().decoder_steps;
}

}  // namespace

Engine::Engine(const model::T5& t5, model::Placement placement, Choice choice) {
  const Arithmetic arithmetic =
      choice == Choice::tensors ? Arithmetic::tensors : choose_arithmetic(placement.device, placement.dtype);
  weights_ = std::make_unique<Weights>(t5, placement, arithmetic);
  backend_ = arithmetic == Arithmetic::tensors ? make_tensor_backend(t5.config(), placement)
                                               : make_cpu_backend(t5.config(), weights_->activations());
}

Engine::Engine(const model::T5& t5) : Engine(t5, t5.placement()) {}
Engine Engine::load(const std::string& folder, model::Placement placement) {
  Engine engine(model::T5::map(folder), placement);
  log_info("inference: " + engine.backend().describe());
  return engine;
}
Engine::~Engine() = default;
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;

at::Tensor Engine::embed(const at::Tensor& ids_M) const {
  return at::embedding(weights_->embedding_VD(), ids_M).to(weights_->wide());
}

at::Tensor Engine::embed(std::span<const tokenizer::Tokens> sequences, const Layout& layout) const {
  return embed(at::tensor(lay_out_ids(sequences, layout), at::kLong).to(placement().device));
}

at::Tensor Engine::position_table(const at::Tensor& table_RH, std::int64_t first, std::int64_t last,
                                  model::Direction direction) const {
  const at::Tensor buckets_W = model::relative_buckets(at::arange(first, last + 1, at::kLong), direction, config());
  return table_RH.index_select(0, buckets_W.to(table_RH.device())).transpose(0, 1).contiguous();
}

void Engine::add_feed_forward(at::Tensor& x_MD, const FeedForwardMatrices& weights) const {
  at::Tensor hidden = weights.in->multiply(backend_->norm(x_MD, weights.norm_D));
  weights.out->add_to(backend_->activate(std::move(hidden), config().feed_forward), x_MD);
}

Source Engine::encode(std::span<const tokenizer::Tokens> sequences) const {
  fault_point("inference.encode");
  const at::NoGradGuard no_gradients;
  Source source{{}, backend_->lay_out(lengths_of(sequences))};
  const Layout& layout = source.layout;
  source.hidden_MD =
      at::empty({layout.rows, config().d_model}, at::TensorOptions(placement().device).dtype(weights_->activations()));
  // Parts as large as suits the caches of a CPU; a GPU takes all at once.
  for (std::size_t begin = 0; begin < sequences.size();) {
    std::size_t end = begin + 1;
    std::vector<std::int64_t> lengths = {layout.lengths[begin]};
    std::int64_t rows = lengths.front();
    for (; end < sequences.size() && rows + layout.lengths[end] <= backend_->best_tokens(); ++end) {
      lengths.push_back(layout.lengths[end]);
      rows += lengths.back();
    }
    const Layout part = backend_->lay_out(lengths);
    at::Tensor out_MD = source.hidden_MD.narrow(0, layout.begins[begin], part.rows);
    encode_part(sequences.subspan(begin, end - begin), part, out_MD);
    begin = end;
  }
  return source;
}

void Engine::encode_part(std::span<const tokenizer::Tokens> sequences, const Layout& layout, at::Tensor& out_MD) const {
  work().encoder_tokens += std::accumulate(layout.lengths.begin(), layout.lengths.end(), std::int64_t{0});
  work().encoder_rows += layout.rows;
  const std::int64_t inner = config().inner();
  const std::int64_t reach = layout.longest() - 1;
  const at::Tensor table = position_table(weights_->encoder_bias_RH, -reach, reach, model::Direction::both);
  const PositionBias bias = backend_->make_bias(table, layout, layout, Sight::all);
  at::Tensor x_MD = embed(sequences, layout);
  for (const EncoderMatrices& layer : weights_->encoder()) {
    const at::Tensor qkv = layer.self.qkv->multiply(backend_->norm(x_MD, layer.self.norm_D));
    const at::Tensor mixed = attend(
        {qkv.narrow(1, 0, inner), qkv.narrow(1, inner, inner), qkv.narrow(1, 2 * inner, inner)}, layout, layout, bias);
    layer.self.out->add_to(mixed, x_MD);
    add_feed_forward(x_MD, layer.feed_forward);
  }
  out_MD.copy_(backend_->norm(x_MD, weights_->encoder_norm_D));
}

at::Tensor Engine::attend(const Heads& heads, const Layout& queries, const Layout& keys,
                          const PositionBias& bias) const {
  const WorkClock clock(&Work::attention_s, placement().device.is_cpu());
  return backend_->attend(heads, queries, keys, bias);
}

at::Tensor Engine::attend_first(const at::Tensor& x_BD, const CrossMatrices& weights, const HeldStates& states) const {
  const std::int64_t heads = config().num_heads;
  const std::int64_t width = config().d_kv;
  const std::int64_t d_model = config().d_model;
  const at::Tensor queries_BI = weights.query->multiply(backend_->norm(x_BD, weights.norm_D));
  at::Tensor folded_BX = at::empty({x_BD.size(0), heads * d_model}, queries_BI.options());
  for (std::int64_t h = 0; h < heads; ++h) {
    const Matrix& fold = (*weights.fold_keys)[static_cast<std::size_t>(h)];
    fold.multiply_into(queries_BI.narrow(1, h * width, width), folded_BX.narrow(1, h * d_model, d_model));
  }
  const at::Tensor mixed_BX = [&] {
    const WorkClock clock(&Work::attention_s, placement().device.is_cpu());
    return states.attend(folded_BX);
  }();
  at::Tensor mixed_BI = at::empty_like(queries_BI);
  for (std::int64_t h = 0; h < heads; ++h) {
    const Matrix& fold = (*weights.fold_values)[static_cast<std::size_t>(h)];
    fold.multiply_into(mixed_BX.narrow(1, h * d_model, d_model), mixed_BI.narrow(1, h * width, width));
  }
  return mixed_BI;
}

at::Tensor Engine::first_states(const Source& source) const {
  const at::NoGradGuard no_gradients;
  const std::int64_t sequences = source.layout.sequences();
  count_decoder_work(sequences, sequences);
  const auto states = [&] {
    const WorkClock clock(&Work::attention_s, placement().device.is_cpu());
    return backend_->hold(source.hidden_MD, source.layout, config().num_heads);
  }();
  const at::Tensor start = at::tensor({config().decoder_start_token_id}, at::kLong).to(placement().device);
  at::Tensor x_BD = embed(start.expand({sequences})).contiguous();
  for (const DecoderMatrices& layer : weights_->decoder()) {
    // The only key of the target has the weight 1.
    layer.self.out->add_to(layer.self.value->multiply(backend_->norm(x_BD, layer.self.norm_D)), x_BD);
    layer.cross.out->add_to(attend_first(x_BD, layer.cross, *states), x_BD);
    add_feed_forward(x_BD, layer.feed_forward);
  }
  return backend_->norm(x_BD, weights_->decoder_norm_D);
}

at::Tensor Engine::decode(const Source& source, std::span<const tokenizer::Tokens> targets,
                          const Layout& layout) const {
  const std::int64_t inner = config().inner();
  const std::int64_t reach = layout.longest() - 1;
  count_decoder_work(std::accumulate(layout.lengths.begin(), layout.lengths.end(), std::int64_t{0}), layout.rows);
  const at::Tensor table = position_table(weights_->decoder_bias_RH, -reach, reach, model::Direction::backward);
  const PositionBias own_bias = backend_->make_bias(table, layout, layout, Sight::backward);
  const PositionBias source_bias = backend_->make_bias({}, layout, source.layout, Sight::all);
  at::Tensor x_MD = embed(shift(targets, config().decoder_start_token_id), layout);
  for (const DecoderMatrices& layer : weights_->decoder()) {
    const at::Tensor qkv = layer.self.qkv->multiply(backend_->norm(x_MD, layer.self.norm_D));
    const at::Tensor own =
        attend({qkv.narrow(1, 0, inner), qkv.narrow(1, inner, inner), qkv.narrow(1, 2 * inner, inner)}, layout, layout,
               own_bias);
    layer.self.out->add_to(own, x_MD);
    const at::Tensor queries = layer.cross.query->multiply(backend_->norm(x_MD, layer.cross.norm_D));
    const at::Tensor kv = layer.cross.keys_values->multiply(source.hidden_MD);
    const at::Tensor read =
        attend({queries, kv.narrow(1, 0, inner), kv.narrow(1, inner, inner)}, layout, source.layout, source_bias);
    layer.cross.out->add_to(read, x_MD);
    add_feed_forward(x_MD, layer.feed_forward);
  }
  return backend_->norm(x_MD, weights_->decoder_norm_D);
}

std::vector<double> Engine::log_likelihoods(const Source& source, std::span<const tokenizer::Tokens> targets) const {
  const at::NoGradGuard no_gradients;
  WESTOFN_CHECK(source.layout.lengths.size() == targets.size(), "every source has a target");
  const Layout layout = backend_->lay_out(lengths_of(targets));
  const at::Tensor states_MD = decode(source, targets, layout);
  const std::vector<std::int64_t> ids = lay_out_ids(targets, layout);
  const std::vector<double> tokens = token_log_likelihoods(
      layout.rows, [&](std::int64_t first, std::int64_t rows) { return logits(states_MD.narrow(0, first, rows)); },
      ids);
  std::vector<double> sums;
  for (std::size_t b = 0; b < targets.size(); ++b) {
    double sum = 0;
    for (std::size_t t = 0; t < targets[b].size(); ++t) sum += tokens[static_cast<std::size_t>(layout.begins[b]) + t];
    sums.push_back(sum);
  }
  return sums;
}

at::Tensor Engine::scale(const at::Tensor& states_MD) const {
  if (!config().scale_decoder_outputs) return states_MD;
  return states_MD * (1 / std::sqrt(static_cast<double>(config().d_model)));
}

at::Tensor Engine::logits(const at::Tensor& states_MD) const {
  return weights_->head().multiply(scale(states_MD)).to(weights_->wide());
}

at::Tensor Engine::logits_of(const at::Tensor& states_MD, std::span<const tokenizer::TokenId> ids) const {
  const WorkClock clock(&Work::product_s, placement().device.is_cpu());
  const std::vector<std::int64_t> wide_ids(ids.begin(), ids.end());
  return at::linear(scale(states_MD), weights_->head_rows(at::tensor(wide_ids, at::kLong))).to(weights_->wide());
}

}  // namespace westofn::inference
