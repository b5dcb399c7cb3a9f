// SPDX-License-Identifier: Apache-2.0
#include "inference/cpu_cache.h"

#include "util/error.h"

namespace westofn::inference {

template <class T>
CpuCache<T>::CpuCache(const model::T5Config& config, const DecoderCapacity& capacity, const at::Tensor& bias_HT)
    : config_(config),
      positions_(bias_HT.size(1)),
      bias_HT_(bias_HT.contiguous()),
      sources_(static_cast<std::size_t>(capacity.places)) {
  for (std::int64_t layer = 0; layer < config.num_decoder_layers; ++layer) {
    // Never read before it is written, so it need not be cleared; pages that are never written cost nothing.
    const std::int64_t numbers = capacity.rows * config.inner() * positions_;
    keys_.push_back(at::empty({numbers}, at::dtype(scalar_type_of<T>)));
    values_.push_back(at::empty({numbers}, at::dtype(scalar_type_of<T>)));
  }
}

template <class T>
std::int64_t CpuCache<T>::key_numbers(std::int64_t tokens) const {
  return cpu::panel_numbers(cpu::best_kernels(), tokens, config_.d_kv);
}

template <class T>
std::int64_t CpuCache<T>::head_numbers(std::int64_t tokens) const {
  return key_numbers(tokens) + cpu::panel_numbers(cpu::best_kernels(), config_.d_kv, tokens);
}

template <class T>
float* CpuCache<T>::panels_of(const Source& source, std::size_t layer, std::int64_t head) const {
  const std::int64_t number = static_cast<std::int64_t>(layer) * config_.num_heads + head;
  return source.panels.template mutable_data_ptr<float>() + number * head_numbers(source.tokens);
}

template <class T>
void CpuCache<T>::put_source(std::size_t layer, const at::Tensor& keys_values, const Layout& layout,
                             std::span<const std::int64_t> places) {
  const std::int64_t heads = config_.num_heads;
  for (std::size_t i = 0; i < places.size(); ++i) {
    Source& source = sources_[static_cast<std::size_t>(places[i])];
    if (layer == 0) {
      source.tokens = layout.lengths[i];
      source.panels = at::empty({config_.num_decoder_layers * heads * head_numbers(source.tokens)}, at::kFloat);
    }
    const T* rows = static_cast<const T*>(keys_values.const_data_ptr()) + layout.begins[i] * keys_values.stride(0);
    at::parallel_for(0, heads, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t head = begin; head < end; ++head) {
        float* panels = panels_of(source, layer, head);
        const T* keys = rows + head * config_.d_kv;
        const std::int64_t stride = keys_values.stride(0);
        kernels_of<T>().pack_keys({keys, stride, source.tokens, config_.d_kv}, panels);
        kernels_of<T>().pack_values({keys + config_.inner(), stride, source.tokens, config_.d_kv},
                                    panels + key_numbers(source.tokens));
      }
    });
  }
}

template <class T>
void CpuCache<T>::begin_step(std::span<const DecoderRow> rows) {
  rows_.assign(rows.begin(), rows.end());
  groups_.clear();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto place = static_cast<std::size_t>(rows[i].place);
    if (groups_.empty() || groups_.back().place != place) groups_.push_back({place, static_cast<std::int64_t>(i), 0});
    ++groups_.back().rows;
  }
}

template <class T>
at::Tensor CpuCache<T>::attend_target(std::size_t layer, const at::Tensor& qkv) {
  const std::int64_t inner = config_.inner();
  at::Tensor out_RI = at::empty({qkv.size(0), inner}, qkv.options());
  const auto* in = static_cast<const T*>(qkv.const_data_ptr());
  auto* out = static_cast<T*>(out_RI.mutable_data_ptr());
  auto* keys = static_cast<T*>(keys_[layer].mutable_data_ptr());
  auto* values = static_cast<T*>(values_[layer].mutable_data_ptr());
  at::parallel_for(0, qkv.size(0), 8, [&](std::int64_t begin, std::int64_t end) {
    float* scratch = cpu::scratch(positions_ + config_.d_kv);
    for (std::int64_t r = begin; r < end; ++r) {
      const DecoderRow& row = rows_[static_cast<std::size_t>(r)];
      const T* query = in + r * qkv.stride(0);
      const std::int64_t slot = row.slot * inner * positions_;
      kernels_of<T>().step({query, query + inner, query + 2 * inner, keys + slot, values + slot, out + r * inner,
                            bias_HT_.const_data_ptr<float>(), scratch, row.position, config_.num_heads, config_.d_kv,
                            positions_});
    }
  });
  return out_RI;
}

template <class T>
at::Tensor CpuCache<T>::attend_source(std::size_t layer, const at::Tensor& queries) {
  at::Tensor out_RI = at::empty({queries.size(0), config_.inner()}, queries.options());
  const auto* in = static_cast<const T*>(queries.const_data_ptr());
  auto* out = static_cast<T*>(out_RI.mutable_data_ptr());
  const auto jobs = static_cast<std::int64_t>(groups_.size()) * config_.num_heads;
  at::parallel_for(0, jobs, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t job = begin; job < end; ++job) {
      const Group& group = groups_[static_cast<std::size_t>(job / config_.num_heads)];
      const std::int64_t head = job % config_.num_heads;
      const Source& source = sources_[group.place];
      const float* panels = panels_of(source, layer, head);
      const std::int64_t at = head * config_.d_kv;
      kernels_of<T>().attend({panels, panels + key_numbers(source.tokens), source.tokens, config_.d_kv},
                             {in + group.first * queries.stride(0) + at, queries.stride(0), group.rows,
                              out + group.first * config_.inner() + at, config_.inner(), nullptr, cpu::Sight::all},
                             cpu::scratch(cpu::attend_scratch(source.tokens, config_.d_kv)));
    }
  });
  return out_RI;
}

template class CpuCache<float>;
template class CpuCache<cpu::Bf16>;

}  // namespace westofn::inference
