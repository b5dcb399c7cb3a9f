// SPDX-License-Identifier: Apache-2.0
// Settings of optimization, the same for policy, preference model and reward models.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "config/types.h"

namespace westofn::training {

enum class OptimizerKind { adamw, adafactor };
enum class ScheduleKind { constant, linear, inverse_square_root, cosine };

/// The `train` section of a model.
struct TrainSettings {
  std::int64_t steps = 1000;
  std::int64_t batch = 32;
  OptimizerKind optimizer = OptimizerKind::adafactor;
  double learning_rate = 1e-4;
  std::int64_t warmup_steps = 0;
  ScheduleKind schedule = ScheduleKind::constant;
  double weight_decay = 0;
  std::optional<double> clip_norm{};  ///< nothing: see clip_limit
  double adam_beta1 = 0.9;
  double adam_beta2 = 0.999;
  double adam_eps = 1e-8;
  double dropout = 0;
  double label_smoothing = 0;
  std::int64_t validate_every = 100;
  std::int64_t early_stop = 0;
};

/// The largest norm of the whole gradient; 0: no limit. Where the settings name none, AdamW has the 1 of transformers'
/// Trainer, and Adafactor no limit, because it limits the change of every tensor by itself.
[[nodiscard]] inline double clip_limit(const TrainSettings& settings) {
  return settings.clip_norm.value_or(settings.optimizer == OptimizerKind::adamw ? 1 : 0);
}

template <class V>
void visit_fields(V& v, TrainSettings& s) {
  v.optional("steps", s.steps, "optimizer steps");
  v.optional("batch", s.batch, "examples (pairs, for preference and reward models) of a step");
  v.optional("optimizer", s.optimizer, "adamw or adafactor");
  v.optional("learning_rate", s.learning_rate, "after the warm-up");
  v.optional("warmup_steps", s.warmup_steps, "steps of linear warm-up, whose first has rate 0 as in transformers");
  v.optional("schedule", s.schedule,
             "after the warm-up: constant, linear (to 0 at the last step), inverse_square_root, cosine (half a wave)");
  v.optional("weight_decay", s.weight_decay, "decoupled; norms, biases and relative attention biases are left alone");
  v.optional("clip_norm", s.clip_norm, "largest norm of the whole gradient; 0: none; null: 1 for adamw, else none");
  v.optional("adam_beta1", s.adam_beta1, "adamw: decay of the mean of gradients");
  v.optional("adam_beta2", s.adam_beta2, "adamw: decay of the mean of squared gradients");
  v.optional("adam_eps", s.adam_eps, "adamw: added to the root of that mean");
  v.optional("dropout", s.dropout, "share of activations that a training step leaves out");
  v.optional("label_smoothing", s.label_smoothing,
             "policy: share of each target that is spread over all tokens; pairs: how often a label is taken as wrong");
  v.optional("validate_every", s.validate_every, "steps between validations; the last step is always validated");
  v.optional("early_stop", s.early_stop, "stop after so many validations without a better one; 0: never");
  v.check("steps", s.steps >= 0 && s.steps <= 100'000'000, "a number from 0 to 100000000");
  v.check("batch", s.batch >= 1 && s.batch <= 1'000'000, "a number from 1 to 1000000");
  v.check("learning_rate", s.learning_rate > 0 && s.learning_rate <= 1, "a number above 0 and at most 1");
  v.check("warmup_steps", s.warmup_steps >= 0, "a number that is not negative");
  v.check("weight_decay", s.weight_decay >= 0 && s.weight_decay <= 1, "a number from 0 to 1");
  v.check("clip_norm", s.clip_norm.value_or(0) >= 0 && s.clip_norm.value_or(0) <= 1e9,
          "a number from 0 to 1e9, or null");
  v.check("adam_beta1", s.adam_beta1 >= 0 && s.adam_beta1 < 1, "a number from 0 to below 1");
  v.check("adam_beta2", s.adam_beta2 >= 0 && s.adam_beta2 < 1, "a number from 0 to below 1");
  v.check("adam_eps", s.adam_eps > 0 && s.adam_eps <= 1, "a number above 0 and at most 1");
  v.check("dropout", s.dropout >= 0 && s.dropout <= 0.9, "a number from 0 to 0.9");
  v.check("label_smoothing", s.label_smoothing >= 0 && s.label_smoothing < 0.5, "a number from 0 to below 0.5");
  v.check("validate_every", s.validate_every >= 1, "a positive number");
  v.check("early_stop", s.early_stop >= 0, "a number that is not negative");
}

}  // namespace westofn::training

namespace westofn::config {

template <>
struct EnumNames<training::OptimizerKind> {
  using E = training::OptimizerKind;
  static constexpr std::array table = {EnumName<E>{E::adamw, "adamw"}, EnumName<E>{E::adafactor, "adafactor"}};
};

template <>
struct EnumNames<training::ScheduleKind> {
  using E = training::ScheduleKind;
  static constexpr std::array table = {EnumName<E>{E::constant, "constant"}, EnumName<E>{E::linear, "linear"},
                                       EnumName<E>{E::inverse_square_root, "inverse_square_root"},
                                       EnumName<E>{E::cosine, "cosine"}};
};

}  // namespace westofn::config
