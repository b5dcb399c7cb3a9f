// SPDX-License-Identifier: Apache-2.0
#include "inference/tensor_cache.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/full.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include "model/layers.h"
#include "util/error.h"

namespace westofn::inference {

at::Tensor padding_mask(const Layout& layout, const at::TensorOptions& like) {
  const auto wide = model::wide_type(c10::typeMetaToScalarType(like.dtype()));
  const auto numbers = at::TensorOptions(like.device()).dtype(at::kLong);
  const at::Tensor lengths_B = at::tensor(layout.lengths, at::kLong).to(like.device());
  const at::Tensor padded_BS = at::arange(layout.width, numbers).unsqueeze(0) >= lengths_B.unsqueeze(1);
  return at::zeros(padded_BS.sizes(), numbers.dtype(wide)).masked_fill_(padded_BS, model::masked_score(wide));
}

TensorCache::TensorCache(const model::T5Config& config, model::Placement placement, const DecoderCapacity& capacity,
                         const at::Tensor& bias_HT)
    : config_(config),
      placement_(placement),
      capacity_(capacity),
      bias_TH_(bias_HT.flip(1).transpose(0, 1).contiguous().to(placement.device)) {
  const auto options = at::TensorOptions(placement.device).dtype(placement.dtype);
  const auto zeros = [&](std::int64_t first, std::int64_t tokens) {
    return at::zeros({first, config.num_heads, tokens, config.d_kv}, options);
  };
  capacity_.positions = bias_HT.size(1);
  for (std::int64_t layer = 0; layer < config.num_decoder_layers; ++layer) {
    keys_RHTK_.push_back(zeros(capacity.rows, capacity_.positions));
    values_RHTK_.push_back(zeros(capacity.rows, capacity_.positions));
    source_keys_PHSK_.push_back(zeros(capacity.places, capacity.source_tokens));
    source_values_PHSK_.push_back(zeros(capacity.places, capacity.source_tokens));
  }
  // A place without a prompt has one token, so that its attention is a number; nobody reads it.
  source_mask_PS_ =
      padding_mask(
          {{}, std::vector<std::int64_t>(static_cast<std::size_t>(capacity.places), 1), 0, capacity.source_tokens},
          options)
          .to(placement.dtype);
}

at::Tensor TensorCache::to_device(const std::vector<std::int64_t>& values) const {
  return at::tensor(values, at::kLong).to(placement_.device);
}

at::Tensor TensorCache::split_RHK(const at::Tensor& rows_RI) const {
  return rows_RI.unflatten(1, {config_.num_heads, config_.d_kv});
}

void TensorCache::put_source(std::size_t layer, const at::Tensor& keys_values, const Layout& layout,
                             std::span<const std::int64_t> places) {
  const at::Tensor places_B = to_device({places.begin(), places.end()});
  const std::int64_t width = layout.width;
  WESTOFN_CHECK(width <= capacity_.source_tokens, "a source fits the cache");
  const auto split = [&](std::int64_t first) {
    return split_RHK(keys_values.narrow(1, first, config_.inner()))
        .unflatten(0, {layout.sequences(), width})
        .transpose(1, 2);
  };
  source_keys_PHSK_[layer].narrow(2, 0, width).index_copy_(0, places_B, split(0));
  source_values_PHSK_[layer].narrow(2, 0, width).index_copy_(0, places_B, split(config_.inner()));
  if (layer > 0) return;
  Layout wide = layout;
  wide.width = capacity_.source_tokens;
  source_mask_PS_.index_copy_(0, places_B, padding_mask(wide, keys_values.options()).to(placement_.dtype));
}

void TensorCache::begin_step(std::span<const DecoderRow> rows) {
  WESTOFN_CHECK(static_cast<std::int64_t>(rows.size()) == capacity_.rows, "every slot has its row");
  std::vector<std::int64_t> positions;
  std::vector<std::int64_t> used(static_cast<std::size_t>(capacity_.places), 0);
  std::vector<std::int64_t> rows_of_places(static_cast<std::size_t>(capacity_.places * capacity_.rows_of_place), 0);
  std::vector<std::int64_t> places_of_rows;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    WESTOFN_CHECK(rows[r].slot == static_cast<std::int64_t>(r), "rows come in the order of their slots");
    positions.push_back(rows[r].position);
    if (!rows[r].live) {
      places_of_rows.push_back(0);
      continue;
    }
    std::int64_t& count = used[static_cast<std::size_t>(rows[r].place)];
    WESTOFN_CHECK(count < capacity_.rows_of_place, "a prompt has no more rows than its place");
    places_of_rows.push_back(rows[r].place * capacity_.rows_of_place + count++);
    rows_of_places[static_cast<std::size_t>(places_of_rows.back())] = static_cast<std::int64_t>(r);
  }
  positions_R_ = to_device(positions);
  rows_of_places_ = to_device(rows_of_places);
  places_of_rows_R_ = to_device(places_of_rows);
  const at::Tensor keys_T = at::arange(capacity_.positions, positions_R_.options());
  const at::Tensor distance_RT = positions_R_.unsqueeze(1) - keys_T.unsqueeze(0);
  const at::Tensor bias_RTH = at::embedding(bias_TH_, distance_RT.clamp_min(0));
  target_mask_RH1T_ = bias_RTH.transpose(1, 2)
                          .masked_fill((distance_RT < 0).unsqueeze(1), model::masked_score(placement_.dtype))
                          .unsqueeze(2)
                          .to(placement_.dtype)
                          .contiguous();
  source_mask_P11S_ = source_mask_PS_.unsqueeze(1).unsqueeze(1);
}

at::Tensor TensorCache::attend_target(std::size_t layer, const at::Tensor& qkv) {
  const std::int64_t inner = config_.inner();
  const auto part = [&](std::int64_t number) { return split_RHK(qkv.narrow(1, number * inner, inner)).unsqueeze(2); };
  const at::Tensor at_R111 = positions_R_.view({-1, 1, 1, 1});
  const at::Tensor at_RH1K = at_R111.expand({-1, config_.num_heads, 1, config_.d_kv});
  keys_RHTK_[layer].scatter_(2, at_RH1K, part(1));
  values_RHTK_[layer].scatter_(2, at_RH1K, part(2));
  return at::scaled_dot_product_attention(part(0), keys_RHTK_[layer], values_RHTK_[layer], target_mask_RH1T_, 0, false,
                                          1.0)
      .reshape({-1, inner});
}

at::Tensor TensorCache::attend_source(std::size_t layer, const at::Tensor& queries) {
  const std::int64_t places = capacity_.places;
  const std::int64_t width = capacity_.rows_of_place;
  const at::Tensor queries_PHnK =
      split_RHK(queries.index_select(0, rows_of_places_)).unflatten(0, {places, width}).transpose(1, 2);
  const auto mask = source_mask_P11S_.expand({places, config_.num_heads, width, capacity_.source_tokens});
  const at::Tensor mixed_PHnK = at::scaled_dot_product_attention(queries_PHnK, source_keys_PHSK_[layer],
                                                                 source_values_PHSK_[layer], mask, 0, false, 1.0);
  return mixed_PHnK.transpose(1, 2).reshape({places * width, config_.inner()}).index_select(0, places_of_rows_R_);
}

void TensorCache::keep_slots(std::span<const std::int64_t> slots) {
  const at::Tensor slots_R = to_device({slots.begin(), slots.end()});
  for (auto* caches : {&keys_RHTK_, &values_RHTK_}) {
    for (at::Tensor& cache : *caches) cache = cache.index_select(0, slots_R);
  }
  capacity_.rows = static_cast<std::int64_t>(slots.size());
}

}  // namespace westofn::inference
