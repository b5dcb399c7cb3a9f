// SPDX-License-Identifier: Apache-2.0
#include "model/layers.h"

#include <ATen/OpMathType.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/where.h>

#include <cmath>
#include <limits>

namespace westofn::model {

at::ScalarType wide_type(at::ScalarType dtype) { return at::toOpMathType(dtype); }

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight_D, double epsilon) {
  const at::Tensor wide = x.to(wide_type(x.scalar_type()));
  const at::Tensor inverse = wide.square().mean(-1, /*keepdim=*/true).add(epsilon).rsqrt();
  return weight_D * (wide * inverse).to(weight_D.scalar_type());
}

at::Tensor split_heads(const at::Tensor& x_BTI, std::int64_t heads) {
  return x_BTI.view({x_BTI.size(0), x_BTI.size(1), heads, x_BTI.size(2) / heads}).transpose(1, 2);
}

at::Tensor merge_heads(const at::Tensor& x_BHTK) { return x_BHTK.transpose(1, 2).flatten(2); }

at::Tensor attend(const AttentionInputs& in) {
  const at::ScalarType dtype = in.values_BHSK.scalar_type();
  const at::Tensor scores_BHTS = at::matmul(in.queries_BHTK, in.keys_BHSK.transpose(2, 3)).to(wide_type(dtype));
  return at::matmul(at::softmax(scores_BHTS + in.bias, -1).to(dtype), in.values_BHSK);
}

at::Tensor relative_buckets(const at::Tensor& positions, Direction direction, const T5Config& config) {
  const bool both = direction == Direction::both;
  const std::int64_t buckets = both ? config.relative_attention_num_buckets / 2 : config.relative_attention_num_buckets;
  const std::int64_t exact = buckets / 2;
  const at::Tensor distance = both ? positions.abs() : (-positions).clamp_min(0);
  // In float32 and in the order of transformers: a distance at the border of two buckets must round the same way.
  const double scale =
      std::log(static_cast<double>(config.relative_attention_max_distance) / static_cast<double>(exact));
  const at::Tensor steps = (distance.to(at::kFloat) / exact).log() / scale * (buckets - exact);
  // Distance 0 gives -inf; it is never chosen, but must not be converted.
  const at::Tensor far = (steps.clamp_min(0).to(at::kLong) + exact).clamp_max(buckets - 1);
  const at::Tensor bucket = at::where(distance < exact, distance, far);
  return both ? bucket + (positions > 0).to(at::kLong) * buckets : bucket;
}

at::Tensor relative_bias(const at::Tensor& table_RH, const BiasRange& range, Direction direction,
                         const T5Config& config) {
  const at::Tensor keys = at::arange(range.keys, at::kLong);
  const at::Tensor queries = at::arange(range.first_query, range.first_query + range.queries, at::kLong);
  const at::Tensor buckets_TS = relative_buckets(keys.unsqueeze(0) - queries.unsqueeze(1), direction, config);
  const at::Tensor bias_TSH = at::embedding(table_RH, buckets_TS.to(table_RH.device()));
  return bias_TSH.permute({2, 0, 1}).unsqueeze(0).to(wide_type(table_RH.scalar_type()));
}

double masked_score(at::ScalarType dtype) {
  return wide_type(dtype) == at::kDouble ? std::numeric_limits<double>::lowest() : std::numeric_limits<float>::lowest();
}

at::Tensor add_feed_forward(const at::Tensor& x, const FeedForwardWeights& weights, const T5Config& config) {
  const at::Tensor normed = rms_norm(x, weights.norm_D, config.layer_norm_epsilon);
  const at::Tensor first = at::linear(normed, weights.wi_0);
  const at::Tensor hidden = config.feed_forward == FeedForward::relu
                                ? at::relu(first)
                                : at::gelu(first, "tanh") * at::linear(normed, weights.wi_1);
  return x + at::linear(hidden, weights.wo);
}

}  // namespace westofn::model
