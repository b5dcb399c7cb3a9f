// SPDX-License-Identifier: Apache-2.0
#include "inference/weights.h"

#include <ATen/ops/cat.h>

namespace westofn::inference {
namespace {

/// Rows that products have at once, about: what oneDNN packs weights for.
constexpr std::int64_t encoder_rows = 1024;
constexpr std::int64_t decoder_rows = 64;

}  // namespace

Weights::Weights(const model::T5& t5, model::Placement placement, Arithmetic arithmetic)
    : t5_(t5),
      placement_(placement),
      arithmetic_(arithmetic),
      embedding_VD_([this] { return place(t5_.embedding_VD()); }),
      head_(matrix({t5.head_VD()}, decoder_rows)) {
  encoder_norm_D = small(t5.encoder_norm_D());
  decoder_norm_D = small(t5.decoder_norm_D());
  encoder_bias_RH = small(t5.encoder_bias_RH());
  decoder_bias_RH = small(t5.decoder_bias_RH());
  for (const model::EncoderLayer& layer : t5.encoder()) {
    encoder_.push_back(
        {self_matrices(layer.self, encoder_rows), feed_forward_matrices(layer.feed_forward, encoder_rows)});
  }
  for (const model::DecoderLayer& layer : t5.decoder()) {
    decoder_.push_back({self_matrices(layer.self, decoder_rows), cross_matrices(layer.cross),
                        feed_forward_matrices(layer.feed_forward, decoder_rows)});
  }
}

at::Tensor Weights::head_rows(const at::Tensor& ids) const {
  const at::Tensor& head_VD = t5_.head_VD();
  return head_VD.index_select(0, ids.to(head_VD.device())).to(placement_.device, placement_.dtype).to(activations());
}

at::Tensor Weights::small(const at::Tensor& weight) const {
  // By way of the type of the weights: float32 norms of a bfloat16 model are rounded like all its weights.
  return weight.to(placement_.device, placement_.dtype).to(wide()).contiguous().clone();
}

at::Tensor Weights::place(const at::Tensor& weight) const {
  at::Tensor placed = weight.to(placement_.device).to(placement_.dtype);
  return placed.is_same(weight) && t5_.is_mapped() ? placed.clone() : placed;
}

Lazy<Matrix> Weights::matrix(std::vector<at::Tensor> parts, std::int64_t rows) const {
  return Lazy<Matrix>([this, parts = std::move(parts), rows] {
    std::vector<at::Tensor> placed;
    for (const at::Tensor& part : parts) placed.push_back(part.to(placement_.device).to(placement_.dtype));
    at::Tensor whole = placed.size() == 1 ? placed.front() : at::cat(placed);
    if (arithmetic_ == Arithmetic::tensors && t5_.is_mapped() && whole.is_same(parts.front())) whole = whole.clone();
    Matrix matrix(whole, arithmetic_, rows);
    t5_.release_pages();
    return matrix;
  });
}

SelfMatrices Weights::self_matrices(const model::AttentionWeights& w, std::int64_t rows) const {
  return {small(w.norm_D), matrix({w.q, w.k, w.v}, rows), matrix({w.v}, rows), matrix({w.o}, rows)};
}

CrossMatrices Weights::cross_matrices(const model::AttentionWeights& w) const {
  const auto of_heads = [this](const at::Tensor& weight_ID, bool transposed) {
    return Lazy<std::vector<Matrix>>([this, weight_ID, transposed] {
      std::vector<Matrix> heads;
      for (const at::Tensor& head_KD : place(weight_ID).split(config().d_kv)) {
        heads.emplace_back(transposed ? head_KD.transpose(0, 1).contiguous() : head_KD, arithmetic_, decoder_rows);
      }
      t5_.release_pages();
      return heads;
    });
  };
  return {small(w.norm_D),     matrix({w.q}, decoder_rows), matrix({w.k, w.v}, encoder_rows),
          of_heads(w.k, true), of_heads(w.v, false),        matrix({w.o}, decoder_rows)};
}

FeedForwardMatrices Weights::feed_forward_matrices(const model::FeedForwardWeights& w, std::int64_t rows) const {
  const bool gated = config().feed_forward == model::FeedForward::gated_gelu;
  return {small(w.norm_D), gated ? matrix({w.wi_0, w.wi_1}, rows) : matrix({w.wi_0}, rows), matrix({w.wo}, rows)};
}

}  // namespace westofn::inference
