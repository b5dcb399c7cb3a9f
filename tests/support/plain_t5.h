// SPDX-License-Identifier: Apache-2.0
// T5 written a second time: loops over float64, one row without padding, weights by their names. Slow and plain.
#pragma once

#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/t5.h"

namespace westofn::testing {

class PlainT5 {
 public:
  using Row = std::vector<double>;
  using Rows = std::vector<Row>;

  explicit PlainT5(const model::T5& model) : config_(model.config()) {
    for (const model::Parameter& parameter : model.parameters()) {
      const at::Tensor value = parameter.value.detach().to(at::kCPU, at::kDouble).contiguous();
      const auto* numbers = value.const_data_ptr<double>();
      weights_[parameter.name].assign(numbers, numbers + value.numel());
    }
  }

  [[nodiscard]] Rows encode(const std::vector<std::int32_t>& ids) const {
    Rows x = embed(ids);
    for (std::int64_t i = 0; i < config_.num_layers; ++i) {
      const std::string layer = "encoder.block." + std::to_string(i) + ".layer.";
      attend(x, nullptr, layer + "0", "encoder");
      feed_forward(x, layer + "1");
    }
    return norm(x, "encoder.final_layer_norm");
  }

  [[nodiscard]] Rows decode(const Rows& source, const std::vector<std::int32_t>& ids) const {
    Rows x = embed(ids);
    for (std::int64_t i = 0; i < config_.num_decoder_layers; ++i) {
      const std::string layer = "decoder.block." + std::to_string(i) + ".layer.";
      attend(x, nullptr, layer + "0", "decoder");
      attend(x, &source, layer + "1", "");
      feed_forward(x, layer + "2");
    }
    return norm(x, "decoder.final_layer_norm");
  }

  [[nodiscard]] Rows logits(Rows states) const {
    if (config_.scale_decoder_outputs) {
      for (Row& row : states) {
        for (double& value : row) value /= std::sqrt(static_cast<double>(config_.d_model));
      }
    }
    return linear(states, weights_.contains("lm_head.weight") ? "lm_head" : "shared");
  }

 private:
  [[nodiscard]] const Row& weight(const std::string& name) const { return weights_.at(name + ".weight"); }

  [[nodiscard]] Rows embed(const std::vector<std::int32_t>& ids) const {
    Rows rows;
    for (const std::int32_t id : ids) {
      const auto start = weight("shared").begin() + id * config_.d_model;
      rows.emplace_back(start, start + config_.d_model);
    }
    return rows;
  }

  [[nodiscard]] Rows norm(const Rows& x, const std::string& name) const {
    Rows normed = x;
    for (Row& row : normed) {
      double squares = 0;
      for (const double value : row) squares += value * value;
      const double scale = 1 / std::sqrt(squares / static_cast<double>(row.size()) + config_.layer_norm_epsilon);
      for (std::size_t d = 0; d < row.size(); ++d) row[d] *= scale * weight(name)[d];
    }
    return normed;
  }

  [[nodiscard]] Rows linear(const Rows& x, const std::string& name) const {
    const Row& matrix = weight(name);
    Rows result;
    for (const Row& row : x) {
      Row& out = result.emplace_back(matrix.size() / row.size(), 0.0);
      for (std::size_t o = 0; o < out.size(); ++o) {
        for (std::size_t d = 0; d < row.size(); ++d) out[o] += matrix[o * row.size() + d] * row[d];
      }
    }
    return result;
  }

  static void add(Rows& x, const Rows& y) {
    for (std::size_t t = 0; t < x.size(); ++t) {
      for (std::size_t d = 0; d < x[t].size(); ++d) x[t][d] += y[t][d];
    }
  }

  void feed_forward(Rows& x, const std::string& layer) const {
    const std::string block = layer + ".DenseReluDense.";
    const Rows normed = norm(x, layer + ".layer_norm");
    const bool gated = config_.feed_forward == model::FeedForward::gated_gelu;
    Rows hidden = linear(normed, block + (gated ? "wi_0" : "wi"));
    const Rows gate = gated ? linear(normed, block + "wi_1") : Rows{};
    for (std::size_t t = 0; t < hidden.size(); ++t) {
      for (std::size_t f = 0; f < hidden[t].size(); ++f) {
        const double h = hidden[t][f];
        const double gelu = 0.5 * h * (1 + std::tanh(std::sqrt(2 / M_PI) * (h + 0.044715 * h * h * h)));
        hidden[t][f] = gated ? gelu * gate[t][f] : std::max(h, 0.0);
      }
    }
    add(x, linear(hidden, block + "wo"));
  }

  [[nodiscard]] std::int64_t bucket(std::int64_t relative, bool both) const {
    const std::int64_t buckets = config_.relative_attention_num_buckets / (both ? 2 : 1);
    const std::int64_t offset = both && relative > 0 ? buckets : 0;
    const std::int64_t distance = both ? std::abs(relative) : std::max<std::int64_t>(-relative, 0);
    const std::int64_t exact = buckets / 2;
    if (distance < exact) return offset + distance;
    const double most = static_cast<double>(config_.relative_attention_max_distance) / static_cast<double>(exact);
    const double share = std::log(static_cast<double>(distance) / static_cast<double>(exact)) / std::log(most);
    const auto far = exact + static_cast<std::int64_t>(share * static_cast<double>(buckets - exact));
    return offset + std::min(far, buckets - 1);
  }

  /// Without `source` the rows attend to themselves, in the decoder to what is not ahead of them.
  void attend(Rows& x, const Rows* source, const std::string& layer, const std::string& stack) const {
    const std::string block = layer + (source != nullptr ? ".EncDecAttention." : ".SelfAttention.");
    const Rows normed = norm(x, layer + ".layer_norm");
    const Rows queries = linear(normed, block + "q");
    const Rows keys = linear(source != nullptr ? *source : normed, block + "k");
    const Rows values = linear(source != nullptr ? *source : normed, block + "v");
    Rows mixed(x.size(), Row(queries[0].size(), 0.0));
    for (std::size_t t = 0; t < x.size(); ++t) {
      const std::size_t seen = stack == "decoder" ? t + 1 : keys.size();
      for (std::int64_t head = 0; head < config_.num_heads; ++head) {
        Row shares(seen);
        double sum = 0;
        for (std::size_t s = 0; s < seen; ++s) {
          double score = stack.empty() ? 0 : bias(stack, static_cast<int>(s) - static_cast<int>(t), head);
          for (std::size_t k = first(head); k < first(head + 1); ++k) score += queries[t][k] * keys[s][k];
          sum += shares[s] = std::exp(score);
        }
        for (std::size_t s = 0; s < seen; ++s) {
          for (std::size_t k = first(head); k < first(head + 1); ++k) mixed[t][k] += shares[s] / sum * values[s][k];
        }
      }
    }
    add(x, linear(mixed, block + "o"));
  }

  [[nodiscard]] std::size_t first(std::int64_t head) const { return static_cast<std::size_t>(head * config_.d_kv); }

  [[nodiscard]] double bias(const std::string& stack, std::int64_t relative, std::int64_t head) const {
    const Row& table = weight(stack + ".block.0.layer.0.SelfAttention.relative_attention_bias");
    return table[static_cast<std::size_t>(bucket(relative, stack == "encoder") * config_.num_heads + head)];
  }

  model::T5Config config_;
  std::map<std::string, Row> weights_;
};

}  // namespace westofn::testing
