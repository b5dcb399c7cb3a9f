// SPDX-License-Identifier: Apache-2.0
#include "chain/estimate/pass_memory.h"

#include <algorithm>

#include "cpu/kernels.h"

namespace westofn::chain {
namespace {

using model::T5Config;

constexpr double wide = 4;
constexpr double most_logits = 1 << 26;  ///< as training/sft_task.cpp cuts them

/// The sizes of one model as real numbers, with the formulas of its blocks.
class Account {
 public:
  Account(const T5Config& c, const PassShape& pass)
      : pass_(pass),
        d_(static_cast<double>(c.d_model)),
        inner_(static_cast<double>(c.inner())),
        heads_(static_cast<double>(c.num_heads)),
        hidden_(static_cast<double>(c.d_ff) * (c.feed_forward == model::FeedForward::gated_gelu ? 2 : 1)),
        f_(static_cast<double>(c.d_ff)),
        vocabulary_(static_cast<double>(c.vocab_size)),
        encoder_layers_(static_cast<double>(c.num_layers)),
        decoder_layers_(static_cast<double>(c.num_decoder_layers)) {}

  [[nodiscard]] PassMemory training(const BatchShape& batch) const;
  [[nodiscard]] double validation(const BatchShape& batch) const;

 private:
  [[nodiscard]] bool has_targets() const { return pass_.logits == Logits::computed; }
  [[nodiscard]] bool is_tensors() const { return pass_.computing == Computing::tensors; }
  [[nodiscard]] double a() const { return pass_.bytes; }
  /// A tensor whose narrow form is the tensor itself in float32.
  [[nodiscard]] double narrow_copy() const { return a() < wide ? a() : 0; }

  /// What a self-attention and a feed-forward block leave for a row.
  [[nodiscard]] double self_tape() const { return 4 * a() * inner_ + wide * heads_; }
  [[nodiscard]] double feed_forward_tape() const { return a() * hidden_; }
  [[nodiscard]] double cross_tape(double rows, double source_rows) const {
    return rows * (2 * a() * inner_ + wide * heads_) + source_rows * 2 * a() * inner_;
  }
  [[nodiscard]] double kept_by_encoder(double rows) const;
  [[nodiscard]] double kept_by_targets(double rows, double source_rows) const;
  [[nodiscard]] double kept_by_first_step(const BatchShape& batch) const;

  /// Scores and what is made of them, in a forward and in a backward pass.
  [[nodiscard]] double scores_forward(double rows, double queries, double keys) const;
  [[nodiscard]] double scores_backward(double rows, double queries, double keys) const;
  [[nodiscard]] double norm_backward(double rows) const {
    return rows * d_ * (a() + (is_tensors() ? 4 * wide + 2 * narrow_copy() : 0));
  }
  [[nodiscard]] double self_backward(double rows, double length) const;
  [[nodiscard]] double cross_backward(const BatchShape& batch) const;
  [[nodiscard]] double feed_forward_backward(double rows) const;
  [[nodiscard]] double first_cross_backward(const BatchShape& batch) const;
  [[nodiscard]] double layer_forward(double rows, double length) const;
  [[nodiscard]] double logits_work(double targets, double numbers_of_logit) const;
  [[nodiscard]] double gradients() const;

  /// The largest product's weights in the type of activations, where they are not kept in it.
  [[nodiscard]] double largest_matrix() const { return std::max(3 * inner_, hidden_) * d_; }
  [[nodiscard]] double converted() const { return pass_.weight_bytes < a() ? a() * largest_matrix() : 0; }
  /// The same, and the copies that oneDNN makes of bfloat16 matrices for its products.
  [[nodiscard]] double packed() const { return converted() + (a() < wide ? 4 * a() * largest_matrix() : 0); }

  PassShape pass_;
  double d_, inner_, heads_, hidden_, f_, vocabulary_, encoder_layers_, decoder_layers_;
};

double Account::kept_by_encoder(double rows) const {
  const double activations = pass_.keeps_inputs ? 0 : self_tape() + feed_forward_tape();
  const double of_row = encoder_layers_ * (2 * wide * d_ + activations) + wide * d_ + a() * d_ + 8;
  return rows * of_row;
}

double Account::kept_by_targets(double rows, double source_rows) const {
  const double activations =
      pass_.keeps_inputs ? 0 : rows * (self_tape() + feed_forward_tape()) + cross_tape(rows, source_rows);
  return decoder_layers_ * (rows * 3 * wide * d_ + activations) + rows * (wide * d_ + a() * d_ + 8);
}

double Account::kept_by_first_step(const BatchShape& batch) const {
  const double cross = 2 * a() * inner_ + 2 * a() * heads_ * d_ + wide * heads_ * batch.source;
  const double feed_forward = pass_.keeps_inputs ? 0 : feed_forward_tape();
  return batch.rows * (decoder_layers_ * (3 * wide * d_ + cross + feed_forward) + 2 * wide * d_);
}

double Account::scores_forward(double rows, double queries, double keys) const {
  if (!is_tensors()) return 0;
  const double scores = rows * heads_ * queries * keys;
  const double bias = wide * heads_ * queries * keys;
  return scores * 2 * wide + bias + 8 * queries * keys;
}

double Account::scores_backward(double rows, double queries, double keys) const {
  if (!is_tensors()) return wide * rows * heads_ * (queries + keys);
  const double scores = rows * heads_ * queries * keys;
  const double bias = wide * heads_ * queries * (queries + 3 * keys);
  return scores * (pass_.drops ? 4 * wide : 2 * wide + 2 * narrow_copy()) + bias + 8 * queries * keys;
}

double Account::self_backward(double rows, double length) const {
  const double of_row = 2 * a() * d_ + 4 * a() * inner_;  // normed, added; gradients of the result and of q, k, v
  const double again = pass_.keeps_inputs ? self_tape() : 0;
  const double heads = is_tensors() ? std::max(3 * a(), 2 * wide) * inner_ : 0;  // rows sorted by head
  return rows * length * (of_row + again) +
         std::max(rows * length * heads + scores_backward(rows, length, length), norm_backward(rows * length));
}

double Account::cross_backward(const BatchShape& batch) const {
  const double rows = batch.rows * batch.target;
  const double sources = batch.rows * batch.source;
  const double again = pass_.keeps_inputs ? cross_tape(rows, sources) : 0;
  const double heads = is_tensors() ? rows * 2 * wide * inner_ + sources * 2 * a() * inner_ : 0;
  const double of_source = sources * (2 * a() * inner_ + a() * d_);  // gradients of k and v, and of the states
  return rows * (2 * a() * d_ + 2 * a() * inner_) + of_source + again +
         std::max(heads + scores_backward(batch.rows, batch.target, batch.source), norm_backward(rows));
}

double Account::feed_forward_backward(double rows) const {
  const double again = pass_.keeps_inputs ? feed_forward_tape() : 0;
  const double gradients = f_ + f_ + hidden_;  // of the result, the result, of what went in
  const double parts = is_tensors() && hidden_ > f_ ? 3 * f_ : 0;
  return rows * (2 * a() * d_ + again + a() * gradients) + std::max(rows * a() * parts, norm_backward(rows));
}

double Account::first_cross_backward(const BatchShape& batch) const {
  const double of_row = 4 * wide * heads_ * batch.source + 5 * a() * heads_ * d_ + 4 * a() * inner_;
  return batch.rows * of_row + 2 * a() * batch.source * d_ + 2 * a() * inner_ * d_;
}

double Account::layer_forward(double rows, double length) const {
  const double stream = wide * d_ + a() * d_;
  const double attention = 4 * a() * inner_ + wide * heads_ + (is_tensors() ? 2 * a() * inner_ : 0);
  const double feed_forward = std::max(a() * (hidden_ + f_), wide * d_ + a() * f_);
  const double heads = rows * length * attention + scores_forward(rows, length, length);
  const double bias = 2 * length * (2 * wide * heads_ + 16);
  return rows * length * (stream + 8) + std::max(heads, rows * length * feed_forward) + bias + packed();
}

double Account::logits_work(double targets, double numbers_of_logit) const {
  if (!has_targets()) return 0;
  const double portion = std::min(targets, std::max(1.0, most_logits / vocabulary_));
  const double of_states = 3 * portion * d_ * a() + targets * a() * d_;
  const double of_logits = portion * vocabulary_ * (numbers_of_logit * wide + 2 * narrow_copy());
  return of_states + of_logits + (pass_.weight_bytes < a() ? a() * vocabulary_ * d_ : 0);
}

double Account::gradients() const {
  // The wide sum of the embedding or the head, and what is handed out or just computed.
  const double of_vocabulary = vocabulary_ * d_ * (wide + (has_targets() ? a() : narrow_copy()));
  return of_vocabulary + 2 * a() * largest_matrix() + converted();
}

PassMemory Account::training(const BatchShape& batch) const {
  const double sources = batch.rows * batch.source;
  const double targets = has_targets() ? batch.rows * batch.target : batch.rows;
  PassMemory memory;
  memory.kept =
      kept_by_encoder(sources) + (has_targets() ? kept_by_targets(targets, sources) : kept_by_first_step(batch));
  const double of_encoder = std::max(self_backward(batch.rows, batch.source), feed_forward_backward(sources));
  const double of_decoder =
      has_targets()
          ? std::max({self_backward(batch.rows, batch.target), cross_backward(batch), feed_forward_backward(targets)})
          : std::max(first_cross_backward(batch), feed_forward_backward(targets));
  const double streams = (sources + targets) * wide * d_ + sources * wide * d_ + sources * narrow_copy() * d_;
  memory.work = std::max(streams + std::max(of_encoder, of_decoder), logits_work(targets, 5));
  memory.work = std::max(memory.work, layer_forward(batch.rows, batch.source));
  memory.gradients = gradients();
  return memory;
}

double Account::validation(const BatchShape& batch) const {
  const double sources = batch.rows * batch.source;
  const double states = sources * a() * d_;
  const double encoder = layer_forward(batch.rows, batch.source);
  if (!has_targets()) return std::max(encoder, states + kept_by_first_step(batch) + first_cross_backward(batch));
  const double targets = batch.rows * batch.target;
  const double cross = 2 * a() * inner_ * sources + scores_forward(batch.rows, batch.target, batch.source) +
                       (is_tensors() ? 2 * a() * inner_ * sources : 0);
  const double decoder = layer_forward(batch.rows, batch.target) + cross;
  return std::max(encoder, states + std::max(decoder, logits_work(targets, 2)));
}

}  // namespace

PassShape pass_shape(const model::RuntimeSettings& runtime, double dropout, Logits logits) {
  const bool on_cpu = runtime.device == model::DeviceChoice::cpu;
  const bool is_narrow = runtime.dtype == model::ComputeType::bfloat16;
  PassShape pass;
  pass.computing = on_cpu ? Computing::kernels : Computing::tensors;
  pass.weight_bytes = is_narrow ? 2 : 4;
  pass.bytes = is_narrow && (!on_cpu || cpu::multiplies_bf16()) ? 2 : 4;
  pass.keeps_inputs = runtime.activation_checkpointing;
  pass.drops = dropout > 0;
  pass.logits = logits;
  return pass;
}

PassMemory training_pass(const T5Config& config, const PassShape& pass, const BatchShape& batch) {
  return Account(config, pass).training(batch);
}

double validation_pass(const T5Config& config, const PassShape& pass, const BatchShape& batch) {
  return Account(config, pass).validation(batch);
}

}  // namespace westofn::chain
