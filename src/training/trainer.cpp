// SPDX-License-Identifier: Apache-2.0
#include "training/trainer.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <string>

#include "app/progress.h"
#include "comm/agree.h"
#include "training/checkpoint.h"
#include "training/gradient_step.h"
#include "training/optimizer.h"
#include "training/padding.h"
#include "training/schedule.h"
#include "training/validation.h"
#include "training/weight_check.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"
#include "util/text.h"

namespace westofn::training {
namespace {

constexpr std::int64_t most_skipped_steps = 10;
constexpr double log_interval_s = 10;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// The owner of each weight: largest first, each to the rank with the fewest bytes so far.
std::vector<int> choose_owners(const std::vector<TrainedWeight>& weights, int ranks) {
  std::vector<double> costs;
  costs.reserve(weights.size());
  for (const auto& weight : weights) costs.push_back(static_cast<double>(weight.value.numel()));
  return app::deal_shards(costs, ranks);
}

/// "step 20/100  learning rate 0.0001  loss 1.2345  validation loss 1.3000  accuracy 0.6100"
std::string describe(const CurvePoint& point, std::int64_t steps) {
  std::string text = "step " + std::to_string(point.step) + "/" + std::to_string(steps);
  const auto add = [&](const char* format, double value) {
    std::array<char, 64> part{};
    std::snprintf(part.data(), part.size(), format, value);
    if (!std::isnan(value)) text += part.data();
  };
  if (point.step > 0) add("  learning rate %.3g", point.learning_rate);
  add("  loss %.4f", point.loss);
  add("  validation loss %.4f", point.validation_loss);
  add("  accuracy %.4f", point.validation_accuracy);
  return text;
}

/// Rank 0: says if ranks will wait for others in every step.
void warn_of_idle_ranks(const std::string& stage, const TrainerOptions& options, const comm::DeviceGroup& group) {
  const std::int64_t batch = options.settings.batch;
  const std::int64_t micro_batch = std::min(options.runtime.micro_batch, batch);
  const std::int64_t parts = (batch + micro_batch - 1) / micro_batch;
  const std::int64_t rounds = (parts + group.size() - 1) / group.size();
  const std::int64_t idle = rounds * group.size() - parts;
  if (group.rank() != 0 || idle == 0) return;
  log_warning(stage + ": a batch of " + std::to_string(batch) + " has " + std::to_string(parts) + " micro-batches of " +
              std::to_string(micro_batch) + " for " + std::to_string(group.size()) +
              " ranks: " + std::to_string(100 * idle / (rounds * group.size())) +
              " % of the ranks' time is spent waiting. Make runtime.micro_batch smaller, or use ranks that divide " +
              "the micro-batches");
}

class Trainer {
 public:
  Trainer(app::StageRun& stage, comm::DeviceGroup& group, Task& task, const TrainerOptions& options);

  TrainingResult run();

 private:
  void start();
  void step();
  [[nodiscard]] Wishes wishes() const;
  void apply(const StepBatch& batch, const StepGradient& gradient, double rate);
  void check_skipped(const StepBatch& batch, const StepGradient& gradient);
  void publish_weights();
  void validate(CurvePoint& point);
  void report(const CurvePoint& point, const std::string& more = {});
  void checkpoint();
  [[nodiscard]] TrainingResult finish();
  [[nodiscard]] bool gives_up() const;
  [[nodiscard]] bool is_last() const { return stopped_early_ || state_.step == options_.settings.steps; }

  app::StageRun& stage_;
  comm::DeviceGroup& group_;
  Task& task_;
  TrainerOptions options_;
  std::vector<TrainedWeight> weights_;
  std::vector<int> owners_;
  GradientStep gradients_;
  TrainingState state_;
  bool stopped_early_ = false;  ///< follows from the curve
  double longest_step_s_ = 0;
  double checkpoint_s_ = 0;
  double last_checkpoint_ = steady_seconds();
  double last_report_ = steady_seconds();
};

Trainer::Trainer(app::StageRun& stage, comm::DeviceGroup& group, Task& task, const TrainerOptions& options)
    : stage_(stage),
      group_(group),
      task_(task),
      options_(options),
      weights_(task.weights()),
      owners_(choose_owners(weights_, group.size())),
      gradients_({stage, group, task, weights_, owners_}, options.seed) {
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    if (owners_[i] != group_.rank()) continue;
    // Weights of the type of sums are their own masters.
    OwnedWeight owned{i, weights_[i].name, weights_[i].value.to(sum_type(weights_[i].value)), {}, {}};
    owned.optimizer = initial_state(options_.settings.optimizer, owned.master);
    owned.best = owned.master.to(at::kCPU, /*non_blocking=*/false, /*copy=*/true);
    state_.owned.push_back(std::move(owned));
  }
}

TrainingResult Trainer::run() {
  start();
  app::Progress progress(stage_.job().world,
                         {stage_.name(), "steps", options_.settings.steps, stage_.heartbeat_path()});
  while (!is_last()) {
    progress.update(state_.step);
    try {
      step();
    } catch (const StopRequested&) {
      progress.finish("stopped");
      throw;
    }
  }
  progress.update(state_.step);
  progress.finish("done");
  return finish();
}

void Trainer::start() {
  warn_of_idle_ranks(stage_.name(), options_, group_);
  log_info(stage_.name() + ": " +
           describe_largest(stage_.job().world, state_bytes(weights_, state_.owned, gradients_.sums())));
  if (load_checkpoint(stage_, state_)) {
    stopped_early_ = gives_up();
    publish_weights();
    return;
  }
  CurvePoint untrained{.step = 0, .loss = nan, .gradient_norm = nan};
  validate(untrained);
  report(untrained, options_.baselines);
  state_.curve.push_back(untrained);
}

void Trainer::step() {
  const double begin = steady_seconds();
  StepBatch batch{state_.step, task_.batch(state_.step), options_.runtime.micro_batch, 0};
  for (const std::int64_t example : batch.examples) batch.weight += task_.weight(example);
  const double rate = learning_rate(options_.settings, state_.step);
  const StepGradient gradient = gradients_.compute(batch, wishes());
  // Before the owners' weights are handed round again, which would hide a difference; and before the data is blamed.
  const std::int64_t check_every = options_.runtime.check_weights_every;
  const bool is_due = check_every > 0 && ((state_.step + 1) % check_every == 0 || !gradient.is_finite());
  if (is_due) check_weights(stage_, weights_, state_.step + 1);
  apply(batch, gradient, rate);
  if (group_.rank() == 0) stage_.count_work({count_batch_tokens(task_, batch.examples, batch.micro_batch).tokens, 0});
  ++state_.step;
  CurvePoint point{state_.step, rate, gradient.loss, gradient.norm, nan, nan};
  const bool validated = is_last() || state_.step % options_.settings.validate_every == 0;
  if (validated) validate(point);
  state_.curve.push_back(point);
  if (validated && is_better(task_.selection(), point, state_.curve[static_cast<std::size_t>(state_.best_step)])) {
    state_.best_step = state_.step;
    for (const auto& owned : state_.owned) owned.best.copy_(owned.master);
  }
  if (validated || steady_seconds() - last_report_ >= log_interval_s) report(point);
  stopped_early_ = validated && !is_last() && gives_up();
  if (stopped_early_) {
    log_info(stage_.name() + ": stops early: no better validation among the last " +
             std::to_string(options_.settings.early_stop));
  }
  longest_step_s_ = std::max(longest_step_s_, steady_seconds() - begin);
  if (is_last()) return;
  if (gradient.wishes.stop || gradient.wishes.checkpoint) checkpoint();
  if (gradient.wishes.stop) {
    throw StopRequested(stage_.name() + ": stopped in time after step " + std::to_string(state_.step) +
                        "; a checkpoint is kept. Run the same command again to go on.");
  }
}

/// Looks at the curve alone, so that a resumed training decides as an undisturbed one.
bool Trainer::gives_up() const {
  const TrainSettings& settings = options_.settings;
  return settings.early_stop > 0 &&
         validations_without_gain(task_.selection(), state_.curve, settings.validate_every) >= settings.early_stop;
}

Wishes Trainer::wishes() const {
  const double interval_s = 60 * options_.runtime.checkpoint_minutes;
  return {.stop = !stage_.job().stop.may_start(longest_step_s_ + checkpoint_s_),
          .checkpoint = group_.rank() == 0 && steady_seconds() - last_checkpoint_ >= interval_s};
}

void Trainer::apply(const StepBatch& batch, const StepGradient& gradient, double rate) {
  const TrainSettings& settings = options_.settings;
  if (!gradient.is_finite()) {
    ++state_.skipped;
    check_skipped(batch, gradient);
    return;
  }
  state_.skipped = 0;
  ++state_.updates;
  const AdamSettings adam{settings.adam_beta1, settings.adam_beta2, settings.adam_eps};
  const double factor = gradient.factor * clip_factor(clip_limit(settings), gradient.norm);
  for (auto& owned : state_.owned) {
    const double decay = decays(owned.name) ? settings.weight_decay : 0;
    update(settings.optimizer, owned.master, owned.optimizer,
           {gradient.sums[owned.parameter], state_.updates, rate, decay, adam, factor});
  }
  publish_weights();
}

void Trainer::check_skipped(const StepBatch& batch, const StepGradient& gradient) {
  const bool of_part = gradient.broken_part >= 0;
  std::string examples;
  for (const std::int64_t example : of_part ? batch.part(gradient.broken_part) : std::span(batch.examples)) {
    if (examples.size() > 200) {
      examples += ", ...";
      break;
    }
    examples += (examples.empty() ? " " : ", ") + printable(task_.name(example), 100);
  }
  const std::string what = stage_.name() + ": step " + std::to_string(batch.step + 1) +
                           ": loss or gradient is not a finite number (training examples" + examples + ")";
  if (state_.skipped < most_skipped_steps) {
    if (group_.rank() == 0) log_warning(what + "; the step is skipped");
    return;
  }
  comm::agree(stage_.job().world, [&] {
    if (group_.rank() != 0) return;
    throw DataError(what + ", as in the " + std::to_string(most_skipped_steps - 1) +
                    " steps before. Lower learning_rate, set clip_norm, or use runtime.dtype float32");
  });
}

void Trainer::publish_weights() {
  const at::NoGradGuard no_grad;
  for (const auto& owned : state_.owned) {
    const at::Tensor& value = weights_[owned.parameter].value;
    if (!value.is_same(owned.master)) value.copy_(owned.master);
  }
  std::vector<comm::OwnedTensor> tensors;
  for (std::size_t i = 0; i < weights_.size(); ++i) tensors.push_back({weights_[i].value, owners_[i]});
  group_.broadcast_from_owners(tensors);
  group_.wait();
}

void Trainer::validate(CurvePoint& point) {
  const Task::Validation total = validate_all(stage_, task_);
  point.validation_loss = total.weight > 0 ? total.loss / total.weight : nan;
  point.validation_accuracy = total.count > 0 ? total.correct / total.count : nan;
}

void Trainer::report(const CurvePoint& point, const std::string& more) {
  last_report_ = steady_seconds();
  log_info(stage_.name() + ": " + describe(point, options_.settings.steps) + more);
}

void Trainer::checkpoint() {
  const double begin = steady_seconds();
  save_checkpoint(stage_, state_);
  last_checkpoint_ = steady_seconds();
  checkpoint_s_ = last_checkpoint_ - begin;
}

TrainingResult Trainer::finish() {
  const at::NoGradGuard no_grad;
  TrainingResult result{
      std::move(state_.curve), state_.best_step, {}, state_bytes(weights_, state_.owned, gradients_.sums())};
  auto owned = state_.owned.begin();
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    const at::Tensor& value = weights_[i].value;
    const at::Tensor best = at::empty(value.sizes(), value.options().dtype(sum_type(value)));
    if (owners_[i] == group_.rank()) best.copy_((owned++)->best);
    group_.broadcast(best, owners_[i]);
    group_.wait();
    value.copy_(best);
    result.best_weights.push_back({weights_[i].name, best.to(at::kCPU)});
  }
  std::ranges::sort(result.best_weights, {}, &model::Parameter::name);
  return result;
}

}  // namespace

TrainingResult train(app::StageRun& stage, comm::DeviceGroup& group, Task& task, const TrainerOptions& options) {
  return Trainer(stage, group, task, options).run();
}

}  // namespace westofn::training
