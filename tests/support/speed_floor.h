// SPDX-License-Identifier: Apache-2.0
// The least time that a T5 can take on a device of known bandwidth and arithmetic: each weight and each cached key and
// value is read once a step, each product is computed once, and products and attention run one after the other.
//
// Letters: S source tokens, T written tokens, N samples of a prompt, P prompts at once.
#pragma once

#include <algorithm>
#include <cstdint>

#include "model/t5_config.h"

namespace westofn::testing {

/// What a device does at best, measured.
struct DeviceRate {
  double bytes_per_s = 0;  ///< read and written by a copy
  double flop_per_s = 0;   ///< of a large matrix product
};

/// The work of one T5 in numbers of two bytes.
class SpeedFloor {
 public:
  SpeedFloor(const model::T5Config& config, DeviceRate rate) : rate_(rate) {
    const auto d = static_cast<double>(config.d_model);
    const auto inner = static_cast<double>(config.inner());
    const double wi = config.feed_forward == model::FeedForward::gated_gelu ? 2 : 1;
    const double feed_forward = (wi + 1) * d * static_cast<double>(config.d_ff);
    const auto decoder_layers = static_cast<double>(config.num_decoder_layers);
    const auto encoder_layers = static_cast<double>(config.num_layers);
    encoder_ = encoder_layers * (4 * d * inner + feed_forward);
    cross_ = decoder_layers * 2 * d * inner;
    step_ = decoder_layers * (6 * d * inner + feed_forward) + static_cast<double>(config.vocab_size) * d;
    encoder_attention_ = 4 * inner * encoder_layers;
    attention_ = 4 * inner * decoder_layers;
  }

  /// Weights of the encoder, of the decoder with its head and of the projections to keys and values of the source.
  [[nodiscard]] double weights() const { return encoder_ + step_ + cross_; }

  /// Seconds for all samples of P prompts, the encoder included.
  [[nodiscard]] double generation_s(double P, double N, double S, std::int64_t T) const {
    double seconds = P * source_s(S);
    for (std::int64_t t = 1; t <= T; ++t) seconds += step_s(P, N, S, static_cast<double>(t));
    return seconds;
  }

  /// Seconds for one input that is read and answered by one decoder step.
  [[nodiscard]] double scoring_s(double S) const { return source_s(S) + 2 * (step_ + cross_) / rate_.flop_per_s; }

 private:
  [[nodiscard]] double source_s(double S) const {
    return (2 * (encoder_ + cross_) * S + encoder_attention_ * S * S) / rate_.flop_per_s;
  }

  /// The step that writes token number t: it reads t keys and values of every sample and writes one.
  [[nodiscard]] double step_s(double P, double N, double S, double t) const {
    const double rows = P * N;
    const double products = slower(2 * step_, 2 * step_ * rows);
    const double cached = attention_ * (rows * (t + 1) + S * P);  // bytes: keys and values of two bytes each
    return products + slower(cached, attention_ * rows * (t + S));
  }

  [[nodiscard]] double slower(double bytes, double flop) const {
    return std::max(bytes / rate_.bytes_per_s, flop / rate_.flop_per_s);
  }

  DeviceRate rate_;
  double encoder_ = 0, cross_ = 0, step_ = 0;     // weights
  double encoder_attention_ = 0, attention_ = 0;  // FLOP for a pair of tokens
};

}  // namespace westofn::testing
