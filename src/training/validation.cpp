// SPDX-License-Identifier: Apache-2.0
#include "training/validation.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <limits>

#include "comm/agree.h"

namespace westofn::training {

Task::Validation validate_all(app::StageRun& stage, Task& task) {
  constexpr std::size_t width = 4;
  comm::Communicator& world = stage.job().world;
  const std::int64_t portions = task.validation_portions();
  std::vector<double> slots(width * static_cast<std::size_t>(portions));
  comm::agree(world, [&] {
    const at::NoGradGuard no_grad;
    for (std::int64_t portion = world.rank(); portion < portions; portion += world.size()) {
      stage.beat();
      const auto [loss, correct, weight, count] = task.validate(portion);
      std::ranges::copy(std::initializer_list<double>{loss, correct, weight, count},
                        slots.begin() + static_cast<std::ptrdiff_t>(width) * portion);
    }
  });
  world.all_reduce(slots, comm::ReduceOp::sum);
  Task::Validation total;
  for (std::size_t i = 0; i < slots.size(); i += width) {
    total.loss += slots[i];
    total.correct += slots[i + 1];
    total.weight += slots[i + 2];
    total.count += slots[i + 3];
  }
  return total;
}

bool is_better(Task::Selection selection, const CurvePoint& later, const CurvePoint& best) {
  if (best.step == 0) return true;
  const bool by_accuracy = selection == Task::Selection::accuracy;
  const double now = by_accuracy ? later.validation_accuracy : -later.validation_loss;
  const double before = by_accuracy ? best.validation_accuracy : -best.validation_loss;
  if (std::isnan(now) || std::isnan(before)) return std::isnan(before);
  return now >= before;
}

std::int64_t validations_without_gain(Task::Selection selection, std::span<const CurvePoint> curve,
                                      std::int64_t validate_every) {
  std::int64_t count = 0;
  double best = -std::numeric_limits<double>::infinity();
  for (const CurvePoint& point : curve) {
    if (point.step == 0 || point.step % validate_every != 0) continue;
    const double now = selection == Task::Selection::accuracy ? point.validation_accuracy : -point.validation_loss;
    count = now > best ? 0 : count + 1;
    best = std::fmax(best, now);
  }
  return count;
}

std::vector<PairScore> score_validation(app::StageRun& stage, const PairTask& task) {
  constexpr std::size_t width = 3;
  comm::Communicator& world = stage.job().world;
  // Every slot is filled by one rank.
  std::vector<double> slots(width * task.validation_pairs());
  comm::agree(world, [&] {
    for (std::int64_t portion = world.rank(); portion < task.validation_portions(); portion += world.size()) {
      stage.beat();
      for (const PairScore& score : task.score(portion)) {
        std::ranges::copy(std::initializer_list<double>{score.loss, score.chosen, score.rejected},
                          slots.begin() + static_cast<std::ptrdiff_t>(width * score.pair));
      }
    }
  });
  world.all_reduce(slots, comm::ReduceOp::sum);
  std::vector<PairScore> scores(task.validation_pairs());
  for (std::size_t i = 0; i < scores.size(); ++i) {
    scores[i] = {i, slots[width * i], slots[width * i + 1], slots[width * i + 2]};
  }
  return scores;
}

}  // namespace westofn::training
