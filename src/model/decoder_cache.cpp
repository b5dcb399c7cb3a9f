// SPDX-License-Identifier: Apache-2.0
#include "model/decoder_cache.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/zeros.h>

#include "model/layers.h"
#include "util/error.h"

namespace westofn::model {
namespace {

/// Keys and values of one layer up to the current position, after writing that position.
struct LayerCache {
  at::Tensor& keys_RHTK;
  at::Tensor& values_RHTK;
};

/// x plus the attention of its norm to the target so far.
at::Tensor add_self_step(const at::Tensor& x_RD, const AttentionWeights& weights, const LayerCache& cache,
                         const at::Tensor& bias, const T5Config& config) {
  const at::Tensor normed = rms_norm(x_RD, weights.norm_D, config.layer_norm_epsilon).unsqueeze(1);
  const auto project = [&](const at::Tensor& weight) {
    return split_heads(at::linear(normed, weight), config.num_heads);
  };
  const std::int64_t seen = bias.size(-1);
  cache.keys_RHTK.narrow(2, seen - 1, 1).copy_(project(weights.k));
  cache.values_RHTK.narrow(2, seen - 1, 1).copy_(project(weights.v));
  const at::Tensor mixed =
      attend({project(weights.q), cache.keys_RHTK.narrow(2, 0, seen), cache.values_RHTK.narrow(2, 0, seen), bias});
  return x_RD + at::linear(merge_heads(mixed).squeeze(1), weights.o);
}

/// x plus the attention of its norm to the source. The rows of a prompt are the queries of one product per head.
at::Tensor add_cross_step(const at::Tensor& x_RD, const AttentionWeights& weights, const CrossCache& cross,
                          std::size_t layer, const T5Config& config) {
  const at::Tensor& keys = cross.keys_PHSK[layer];
  const at::Tensor normed = rms_norm(x_RD, weights.norm_D, config.layer_norm_epsilon);
  const at::Tensor queries_PnI = at::linear(normed, weights.q).view({keys.size(0), -1, config.inner()});
  const at::Tensor mixed_PHnK =
      attend({split_heads(queries_PnI, config.num_heads), keys, cross.values_PHSK[layer], cross.mask_P11S});
  return x_RD + at::linear(merge_heads(mixed_PHnK).flatten(0, 1), weights.o);
}

}  // namespace

CrossCache make_cross_cache(const T5& model, const EncoderOutput& source) {
  const at::NoGradGuard no_gradients;
  CrossCache cache{{}, {}, source.mask_B11S};
  const auto project = [&](const at::Tensor& weight) {
    return split_heads(at::linear(source.hidden_BSD, weight), model.config().num_heads).contiguous();
  };
  for (const DecoderLayer& layer : model.decoder()) {
    cache.keys_PHSK.push_back(project(layer.cross.k));
    cache.values_PHSK.push_back(project(layer.cross.v));
  }
  return cache;
}

SelfCache make_self_cache(const T5& model, std::int64_t rows, std::int64_t positions) {
  SelfCache cache;
  const T5Config& config = model.config();
  const auto options = at::TensorOptions(model.placement().device).dtype(model.placement().dtype);
  for (std::size_t i = 0; i < model.decoder().size(); ++i) {
    cache.keys_RHTK.push_back(at::zeros({rows, config.num_heads, positions, config.d_kv}, options));
    cache.values_RHTK.push_back(at::zeros({rows, config.num_heads, positions, config.d_kv}, options));
  }
  return cache;
}

at::Tensor decode_step(const T5& model, const CrossCache& cross, SelfCache& self, const at::Tensor& ids_R,
                       std::int64_t position) {
  const at::NoGradGuard no_gradients;
  const T5Config& config = model.config();
  WESTOFN_CHECK(ids_R.size(0) % cross.mask_P11S.size(0) == 0, "every prompt has the same number of rows");
  const at::Tensor bias_1H1T =
      relative_bias(model.decoder_bias_RH(), {position, 1, position + 1}, Direction::backward, config);
  at::Tensor x_RD = at::embedding(model.embedding_VD(), ids_R);
  for (std::size_t i = 0; i < model.decoder().size(); ++i) {
    const DecoderLayer& layer = model.decoder()[i];
    x_RD = add_self_step(x_RD, layer.self, {self.keys_RHTK[i], self.values_RHTK[i]}, bias_1H1T, config);
    x_RD = add_cross_step(x_RD, layer.cross, cross, i, config);
    x_RD = add_feed_forward(x_RD, layer.feed_forward, config);
  }
  return model.finish(x_RD);
}

}  // namespace westofn::model
