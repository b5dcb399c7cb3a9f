// SPDX-License-Identifier: Apache-2.0
#include "chain/estimate/shape_counts.h"

namespace westofn::chain {
namespace {

using model::T5Config;

bool is_gated(const T5Config& c) { return c.feed_forward == model::FeedForward::gated_gelu; }

/// The matrices and norms of a block with so many attentions.
void add_block(const T5Config& c, int attentions, std::vector<WeightShape>& shapes) {
  for (int i = 0; i < attentions; ++i) {
    for (int matrix = 0; matrix < 3; ++matrix) shapes.push_back({c.inner(), c.d_model});
    shapes.push_back({c.d_model, c.inner()});
    shapes.push_back({1, c.d_model});
  }
  for (int matrix = 0; matrix < (is_gated(c) ? 2 : 1); ++matrix) shapes.push_back({c.d_ff, c.d_model});
  shapes.push_back({c.d_model, c.d_ff});
  shapes.push_back({1, c.d_model});
}

/// A stack with its relative bias and its last norm.
std::vector<WeightShape> stack_shapes(const T5Config& c, std::int64_t layers, int attentions) {
  std::vector<WeightShape> shapes = {{c.relative_attention_num_buckets, c.num_heads}, {1, c.d_model}};
  for (std::int64_t layer = 0; layer < layers; ++layer) add_block(c, attentions, shapes);
  return shapes;
}

std::int64_t sum(const std::vector<WeightShape>& shapes) {
  std::int64_t elements = 0;
  for (const auto& shape : shapes) elements += shape.elements();
  return elements;
}

double real(std::int64_t number) { return static_cast<double>(number); }
double attention_matrix(const T5Config& c) { return real(c.d_model) * real(c.inner()); }
double feed_forward_matrices(const T5Config& c) { return (is_gated(c) ? 3.0 : 2.0) * real(c.d_model) * real(c.d_ff); }

/// Scores and mixing of one layer, for every pair of a query and a key.
double attention_operations(const T5Config& c) { return 4.0 * real(c.inner()); }

}  // namespace

std::vector<WeightShape> weight_shapes(const T5Config& c) {
  std::vector<WeightShape> shapes = stack_shapes(c, c.num_layers, 1);
  const std::vector<WeightShape> decoder = stack_shapes(c, c.num_decoder_layers, 2);
  shapes.insert(shapes.end(), decoder.begin(), decoder.end());
  shapes.push_back({c.vocab_size, c.d_model});
  if (!c.tie_word_embeddings) shapes.push_back({c.vocab_size, c.d_model});
  return shapes;
}

WeightCounts count_weights(const T5Config& c) {
  const std::int64_t embedding = c.vocab_size * c.d_model;
  return {sum(stack_shapes(c, c.num_layers, 1)), sum(stack_shapes(c, c.num_decoder_layers, 2)), embedding,
          c.tie_word_embeddings ? 0 : embedding};
}

double encoder_operations(const T5Config& c, double source) {
  const double matrices = 4 * attention_matrix(c) + feed_forward_matrices(c);
  return real(c.num_layers) * (2 * matrices * source + attention_operations(c) * source * source);
}

double cross_projection_operations(const T5Config& c, double source) {
  return real(c.num_decoder_layers) * 2 * 2 * attention_matrix(c) * source;
}

double decoder_operations(const T5Config& c, double target, double source, Logits logits) {
  const double matrices = 6 * attention_matrix(c) + feed_forward_matrices(c);
  const double seen = target * source + target * (target + 1) / 2;
  const double head = logits == Logits::computed ? 2 * real(c.vocab_size) * real(c.d_model) : 0;
  return real(c.num_decoder_layers) * (2 * matrices * target + attention_operations(c) * seen) + head * target;
}

std::int64_t cache_elements(const T5Config& c) { return 2 * c.num_decoder_layers * c.inner(); }

}  // namespace westofn::chain
