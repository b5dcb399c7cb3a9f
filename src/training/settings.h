// SPDX-License-Identifier: Apache-2.0
// Settings of optimization, the same for policy, preference model and reward models.
#pragma once

#include <array>
#include <cstdint>

#include "config/types.h"

namespace westofn::training {

enum class OptimizerKind { adamw, adafactor };
enum class ScheduleKind { constant, linear };

/// The `train` section of a model.
struct TrainSettings {
  std::int64_t steps = 1000;
  std::int64_t batch = 32;
  OptimizerKind optimizer = OptimizerKind::adafactor;
  double learning_rate = 1e-4;
  std::int64_t warmup_steps = 0;
  ScheduleKind schedule = ScheduleKind::constant;
  double weight_decay = 0;
  double clip_norm = 1;
  std::int64_t validate_every = 100;
};

template <class V>
void visit_fields(V& v, TrainSettings& s) {
  v.optional("steps", s.steps, "optimizer steps");
  v.optional("batch", s.batch, "examples (pairs, for preference and reward models) of a step");
  v.optional("optimizer", s.optimizer, "adamw or adafactor");
  v.optional("learning_rate", s.learning_rate, "after the warm-up");
  v.optional("warmup_steps", s.warmup_steps, "steps of linear warm-up");
  v.optional("schedule", s.schedule, "constant, or linear: decay to 0 at the last step");
  v.optional("weight_decay", s.weight_decay, "decoupled, on all weights (adamw)");
  v.optional("clip_norm", s.clip_norm, "largest norm of the whole gradient (adamw); 0: none");
  v.optional("validate_every", s.validate_every, "steps between validations; the last step is always validated");
  v.check("steps", s.steps >= 0 && s.steps <= 100'000'000, "a number from 0 to 100000000");
  v.check("batch", s.batch >= 1 && s.batch <= 1'000'000, "a number from 1 to 1000000");
  v.check("learning_rate", s.learning_rate > 0 && s.learning_rate <= 1, "a number above 0 and at most 1");
  v.check("warmup_steps", s.warmup_steps >= 0, "a number that is not negative");
  v.check("weight_decay", s.weight_decay >= 0 && s.weight_decay <= 1, "a number from 0 to 1");
  v.check("clip_norm", s.clip_norm >= 0 && s.clip_norm <= 1e9, "a number that is not negative");
  v.check("validate_every", s.validate_every >= 1, "a positive number");
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
  static constexpr std::array table = {EnumName<E>{E::constant, "constant"}, EnumName<E>{E::linear, "linear"}};
};

}  // namespace westofn::config
